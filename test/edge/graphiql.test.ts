// GraphiQL: whole from this server, and signed in.
import { request } from 'node:http'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type FrontDoor, openFrontDoor } from './front-door.ts'

let door: FrontDoor
beforeAll(async () => {
  door = await openFrontDoor()
})
afterAll(() => door?.close())

const page = async (query = '') => (await door.send(`/graphiql${query}`)).body as string
const tokenIn = (html: string) => /"authorization":"Bearer ([^"]+)"/.exec(html)?.[1]

it('the page names no other host, and every part of it is here', async () => {
  const html = await page()
  expect(html).not.toMatch(/(https?:)?\/\/[a-z]/i)
  const parts = [...html.matchAll(/(?:src|href)="(\/graphiql\/[^"?]+)"/g)].map(([, path]) => path ?? '')
  expect(parts.sort()).toEqual(['/graphiql/graphiql.css', '/graphiql/graphiql.js'])
  for (const path of [
    ...parts,
    ...['editor', 'json', 'graphql'].map((name) => `/graphiql/${name}.worker.js`),
  ]) {
    const { status, body } = await door.send(path)
    expect([path, status, body.length > 10_000]).toEqual([path, 200, true])
  }
})

it('its styles and scripts load nothing from elsewhere, and the policy would not let them', async () => {
  const css = (await door.send('/graphiql/graphiql.css')).body as string
  expect(css).not.toMatch(/@import|url\(\s*["']?(https?:)?\/\//)
  const { headers } = await door.send('/graphiql')
  const policy = headers.get('content-security-policy') ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toMatch(/https?:|\*|unsafe-eval/)
  expect(headers.get('x-frame-options')).toBe('DENY')
})

it('it is signed in as an owner, or as whom one chooses', async () => {
  for (const [query, tenant, email] of [
    ['', 'acme', 'owner@acme.example'],
    ['?as=viewer@globex.example', 'globex', 'viewer@globex.example'],
    ['?as="><script>alert(1)</script>', 'acme', 'owner@acme.example'],
    ['?as=a@acme.example&as=b@acme.example', 'acme', 'owner@acme.example'],
  ] as const) {
    const token = tokenIn(await page(query)) ?? ''
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    expect([claims.tenant, claims.email]).toEqual([tenant, email])
  }
  const headers = { authorization: `Bearer ${tokenIn(await page())}`, 'content-type': 'application/json' }
  const body = '{"query":"{ hello }"}'
  expect((await door.send('/graphql', { method: 'POST', headers, body })).status).toBe(200)
})

it('it offers the eight demo members', async () => {
  expect((await page()).match(/href="\/graphiql\?as=/g)).toHaveLength(8)
})

it('it gives no token to a page that reached it under another name', async () => {
  const html = await new Promise<string>((resolve, reject) => {
    const { port } = new URL(door.url)
    const options = { port, host: '127.0.0.1', path: '/graphiql', headers: { host: 'evil.example' } }
    request(options, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve(text))
    })
      .on('error', reject)
      .end()
  })
  expect(html).toContain('not signed in')
  expect(tokenIn(html)).toBeUndefined()
})
