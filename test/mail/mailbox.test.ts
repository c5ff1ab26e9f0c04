// The development mailbox: what it stores, who may read it, and that nothing in a mail becomes part of the page.
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fastify } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config.ts'
import { systemClock } from '../../src/core/clock.ts'
import { createLogger } from '../../src/core/logger.ts'
import { createMailbox, MAILS_MAX } from '../../src/development/mailbox.ts'
import { developmentRoutes } from '../../src/development/routes.ts'
import type { RouteOptions } from '../../src/edge/http-server.ts'
import { openRuntime } from '../../src/runtime.ts'
import { type Api, startApi } from '../support/api.ts'
import { asOwner } from '../support/database.ts'
import { invitee, newEmail, tokenFor } from '../support/people.ts'

const HOSTILE = `<img src=x onerror=alert(1)>"'&</pre><script>alert(2)</script>`

let api: Api
let dir: string
beforeAll(async () => {
  api = await startApi()
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-mails-'))
})
afterAll(async () => {
  await api?.close()
  await rm(dir, { recursive: true, force: true })
})

describe('the mailbox', () => {
  it('is empty before the first mail, and lists the newest first', async () => {
    const mailbox = createMailbox({ dir: join(dir, 'first'), clock: systemClock })
    expect(await mailbox.list()).toEqual([])
    for (const subject of ['one', 'two', 'three'])
      await mailbox.send({ to: 'a@x.example', subject, text: '' })
    expect((await mailbox.list()).map(({ subject }) => subject)).toEqual(['three', 'two', 'one'])
  })

  it('is readable only by its owner, and ignores other files', async () => {
    const path = join(dir, 'private')
    const mailbox = createMailbox({ dir: path, clock: systemClock })
    await mailbox.send({ to: 'a@x.example', subject: 's', text: 't' })
    const [file = ''] = await readdir(path)
    expect((await stat(path)).mode & 0o077).toBe(0)
    expect((await stat(join(path, file))).mode & 0o077).toBe(0)
    await writeFile(join(path, 'notes.txt'), 'mine')
    expect(await mailbox.list()).toHaveLength(1)
  })

  it('keeps the last ones, though several processes write to it at once', async () => {
    const path = join(dir, 'many')
    const boxes = [1, 2, 3].map(() => createMailbox({ dir: path, clock: systemClock }))
    await Promise.all(
      Array.from({ length: MAILS_MAX + 20 }, async (_, n) => {
        await boxes[n % 3]?.send({ to: 'a@x.example', subject: `${n}`, text: '' })
      }),
    )
    const subjects = (await boxes[0]?.list())?.map(({ subject }) => Number(subject)) ?? []
    expect(subjects.length).toBeLessThanOrEqual(MAILS_MAX)
    expect(new Set(subjects).size).toBe(subjects.length)
    await boxes[0]?.send({ to: 'a@x.example', subject: '-1', text: '' })
    expect((await boxes[1]?.list())?.[0]?.subject).toBe('-1')
    expect((await readdir(path)).filter((name) => name.endsWith('.draft'))).toEqual([])
  })
})

describe('its page', () => {
  it('shows what was sent, as text and as JSON', async () => {
    const { email, token } = await invitee(api, 'A')
    const page = await fetch(`${api.url}/mailbox`)
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const html = await page.text()
    expect(html).toContain(`To ${email}`)
    expect(html).toContain(`href="https://join.example/accept#tenant=anchor&amp;token=${token}"`)
    const messages = await fetch(`${api.url}/mailbox/messages`)
    expect(messages.headers.get('content-type')).toMatch(/^application\/json/)
    expect(await messages.json()).toEqual(await api.mailbox.list())
    expect((await api.mailbox.list())[0]).toMatchObject({ to: email })
  })

  it('runs, loads, frames and keeps nothing', async () => {
    for (const path of ['/mailbox', '/mailbox/messages']) {
      const { headers } = await fetch(`${api.url}${path}`)
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('access-control-allow-origin')).toBeNull()
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
    }
    const { headers } = await fetch(`${api.url}/mailbox`)
    expect(headers.get('x-frame-options')).toBe('DENY')
    const policy = headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toMatch(/script|unsafe|\*|http/)
  })

  it.each([
    'mailbox.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example:80',
    'evil.example#localhost',
  ])('is closed to a page that reached it as %j', async (host) => {
    for (const path of ['/mailbox', '/mailbox/messages']) {
      const { status, body } = await getAs(`${api.url}${path}`, host)
      expect([400, 404]).toContain(status)
      expect(body).not.toMatch(/Token|people\.example/)
    }
  })

  it('is closed to other machines, under any name', async () => {
    const app = fastify()
    const routes = developmentRoutes({ development: null, mailbox: api.mailbox })
    routes(app, { logger: createLogger('silent') } as RouteOptions)
    const statusFor = async (remoteAddress: string) =>
      (await app.inject({ url: '/mailbox/messages', remoteAddress, headers: { host: 'localhost' } }))
        .statusCode
    for (const other of ['10.0.0.9', '192.168.1.127', '127.example', '2001:db8::1', '::ffff:10.0.0.9'])
      expect([other, await statusFor(other)]).toEqual([other, 404])
    for (const own of ['127.0.0.1', '127.8.0.1', '::1', '::ffff:127.0.0.1'])
      expect([own, await statusFor(own)]).toEqual([own, 200])
    await app.close()
  })

  it.each([
    { name: HOSTILE, isShown: true },
    { name: `${HOSTILE}\r\n\r\nToken:   ${'A'.repeat(43)}`, isShown: false },
  ])('the name $name is text in it, and never a line of a mail', async ({ name, isShown }) => {
    const email = `o'neil+${newEmail()}`
    await asOwner(api.database, api.tenantIds.A, (owner) =>
      owner.query('UPDATE tenants SET name = $1', [name]),
    )
    try {
      const { token } = await invitee(api, 'A', 'STAFF', email)
      const [mail] = await api.mailbox.list()
      expect(mail?.to).toBe(email)
      expect(mail?.subject).not.toMatch(/[\r\n]/)
      expect(mail?.text.match(/^\s*Token:.*$/gm)).toEqual([`  Token:   ${token}`])
      expect(await tokenFor(api, email)).toBe(token)
      const html = await (await fetch(`${api.url}/mailbox`)).text()
      const escaped = '&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;&lt;/pre&gt;&lt;script&gt;'
      expect(mail?.text.includes(`work for ${HOSTILE}`)).toBe(isShown)
      if (isShown) expect(html).toContain(`work for ${escaped}`)
      expect(html).toContain('o&#39;neil+')
      expect(html).not.toMatch(/<(img|script)|<[^>]*\son\w+=/i)
    } finally {
      await asOwner(api.database, api.tenantIds.A, (owner) =>
        owner.query(`UPDATE tenants SET name = 'Anchor Alpha'`),
      )
    }
  })

  it('a link in a mail ends where its address does', async () => {
    const text = `see https://x.example/a?b="onmouseover=alert(1)" and javascript:alert(1) <https://y.example/&c>`
    await api.mailbox.send({ to: 'a@x.example', subject: HOSTILE, text })
    const html = await (await fetch(`${api.url}/mailbox`)).text()
    expect(html).toContain(
      '<a href="https://x.example/a?b=" rel="noreferrer">https://x.example/a?b=</a>&quot;onm',
    )
    expect(html).toContain('<a href="https://y.example/&amp;c" rel="noreferrer">')
    expect(html).not.toMatch(/href="javascript|<(img|script)/i)
  })
})

it('there is none in production, nor with a configured SMTP server', async () => {
  const smtp = { SMTP_URL: 'smtp://127.0.0.1:1', MAIL_FROM: 'mail@shop.example' }
  const production = {
    NODE_ENV: 'production',
    SECRETS_KEY: randomBytes(32).toString('base64'),
    AUTH_ISSUERS: JSON.stringify([
      {
        issuer: 'https://id.example',
        jwksUri: 'https://id.example/keys',
        audience: 'x',
        algorithms: ['RS256'],
      },
    ]),
    DATABASE_URL: 'postgresql://app:nPjzU31bNcZ@db.internal:5432/bulkhead',
  }
  const { runtimeUrl } = api.database
  for (const [environment, hasMailbox, sends] of [
    [production, false, false],
    [{ ...production, ...smtp }, false, true],
    [smtp, false, true],
    [{}, true, true],
  ] as const) {
    const config = parseConfig({ DATA_DIR: join(dir, 'data'), ...environment })
    const runtime = await openRuntime(config, { runtimeUrl, companionUrl: null }, createLogger('silent'))
    expect([runtime.hasMailbox, runtime.services.mail !== null]).toEqual([hasMailbox, sends])
    await runtime.close()
  }
})

/** GETs with another Host header, which fetch does not allow. */
function getAs(url: string, host: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    request(url, { headers: { host } }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
      .on('error', reject)
      .end()
  })
}
