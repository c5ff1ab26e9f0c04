// A frontend on another origin, in a real browser: it signs in, queries with Apollo Client, downloads a file, and reads the
// headers and errors. A page of an origin that is not listed reads nothing.
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Api, emailOf, startApi } from '../../support/api.ts'
import { chromium, type OpenPage, openPage } from '../../support/chromium.ts'
import { bundle, type PageServer, servePage } from './page-server.ts'

const DAY_MS = 86_400_000
const OWNER = emailOf('A', 'OWNER')

describe.skipIf(chromium === null)('a page of another origin', () => {
  let api: Api
  let listed: PageServer
  let unlisted: PageServer
  let opened: OpenPage
  let page: Page
  beforeAll(async () => {
    const script = await bundle()
    listed = await servePage(script)
    unlisted = await servePage(script)
    api = await startApi({
      people: [
        { slug: 'anchor', name: 'Tenant A', members: [{ email: OWNER, name: 'Owner', role: 'OWNER' }] },
      ],
      crossOrigins: { listed: [listed.origin], loopback: false },
    })
    opened = await openPage()
    page = opened.page
  })
  afterAll(async () => {
    await opened?.close()
    await Promise.all([api, listed, unlisted].map((one) => one?.close()))
  })

  const call = (name: string, ...given: string[]) =>
    // biome-ignore lint/suspicious/noExplicitAny: the page's functions are no part of this program.
    page.evaluate<any>(`app.${name}(${given.map((one) => JSON.stringify(one)).join()})`)
  const open = async (origin: string) => {
    await page.goto(origin)
    await page.waitForFunction('window.app !== undefined')
  }

  it('signs in by code and PKCE', async () => {
    await open(listed.origin)
    await Promise.all([page.waitForURL(`${api.url}/oidc/choose/**`), call('signIn', `${api.url}/oidc`)])
    await Promise.all([
      page.waitForURL(`${listed.origin}/callback?**`),
      page.click(`button[value="${OWNER}"]`),
    ])
    await page.waitForFunction('window.app !== undefined')
    await call('comeBack')
    expect(await call('tenants', api.url)).toEqual([
      expect.objectContaining({ slug: 'anchor', role: 'OWNER' }),
    ])
  })

  it('queries with Apollo Client, and reads the request id and the limits', async () => {
    const { data, headers } = await call('query', api.url, 'anchor', '{ viewer { tenant { name } } }')
    expect(data.viewer.tenant.name).toBe('Anchor Alpha')
    expect(headers).toMatchObject({
      'x-request-id': expect.any(String),
      'ratelimit-remaining': expect.stringMatching(/^\d+$/),
      ratelimit: expect.stringContaining('"tenant"'),
    })
  })

  it('reads why a request was refused', async () => {
    const { error, headers } = await call('query', api.url, 'bollard', '{ viewer { tenant { name } } }')
    expect(error.codes).toEqual(['FORBIDDEN'])
    expect(headers['x-request-id']).toMatch(/^[\w-]{36}$/)
    expect(await call('query', api.url, 'anchor', '{ nothing }')).toMatchObject({
      error: { codes: ['BAD_USER_INPUT'] },
    })
  })

  it('downloads a file under its name', async () => {
    const from = new Date(Date.now() - DAY_MS).toISOString()
    const { name, text } = await call('download', `${api.url}/audit.csv?from=${from}`, 'anchor')
    expect(name).toBe('attachment; filename="audit-anchor.csv"')
    expect(text.length).toBeGreaterThan(0)
  })

  it('sends a preflight once, and then only the requests', async () => {
    const asked: string[] = []
    const browser = await page.context().newCDPSession(page)
    await browser.send('Network.enable')
    browser.on('Network.requestWillBeSent', ({ request }) => asked.push(request.method))
    for (let n = 0; n < 3; n += 1) await call('query', api.url, 'anchor', '{ viewer { id: __typename } }')
    expect(asked.filter((method) => method === 'POST')).toHaveLength(3)
    expect(asked).not.toContain('OPTIONS')
  })

  it('reads nothing when its origin is not listed', async () => {
    await open(unlisted.origin)
    const { error, headers } = await call('query', api.url, 'anchor', '{ viewer { tenant { name } } }')
    expect([error.message, headers]).toEqual(['Failed to fetch', null])
    expect(opened.complaints.join()).toMatch(/blocked by CORS policy/)
  })
})
