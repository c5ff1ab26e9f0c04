// GraphiQL's page and its files: all from this server, and without a secret. explorer.test.ts tests signing in.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type FrontDoor, openFrontDoor } from '../edge/front-door.ts'

let door: FrontDoor
beforeAll(async () => {
  door = await openFrontDoor()
})
afterAll(() => door?.close())

/** Without its nonces, which are random and may contain any text. */
const page = async () =>
  ((await door.send('/graphiql')).body as string).replaceAll(/nonce="[^"]+"/g, 'nonce=""')

it('the page refers to no other host, and all its parts are served here', async () => {
  const html = await page()
  expect(html.replaceAll(door.url, '')).not.toMatch(/(https?:)?\/\/[a-z]/i)
  const parts = [...html.matchAll(/(?:src|href)="(\/graphiql\/[^"?]+)"/g)].map(([, path]) => path ?? '')
  expect(parts.sort()).toEqual(['/graphiql/explorer.js', '/graphiql/graphiql.css', '/graphiql/graphiql.js'])
  for (const path of [
    ...parts,
    ...['editor', 'json', 'graphql'].map((name) => `/graphiql/${name}.worker.js`),
  ]) {
    const { status, body } = await door.send(path)
    expect([path, status, body.length > 5_000]).toEqual([path, 200, true])
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

it('holds no token: it says with which issuer to sign in', async () => {
  const html = await page()
  expect(html).not.toMatch(/bearer|eyJ/i)
  const settings = /<script id="settings" type="application\/json">(.+?)<\/script>/.exec(html)?.[1] ?? ''
  expect(JSON.parse(settings)).toMatchObject({ issuer: `${door.url}/oidc`, clientId: 'bulkhead' })
})

it('there is one way to sign in: nothing in the URL does', async () => {
  const { body } = await door.send('/graphiql?as=viewer@globex.example')
  expect(body).not.toMatch(/bearer|viewer@globex/i)
})
