// The development routes answer this machine, and no request through a proxy or under another name.
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FrontDoor, openFrontDoor } from '../edge/front-door.ts'

let door: FrontDoor
let developmentPaths: string[]
beforeAll(async () => {
  door = await openFrontDoor({ mailbox: { list: async () => [] } })
  const production = await openFrontDoor({ production: true, introspection: true })
  const always = new Set(pathsOf(production))
  developmentPaths = pathsOf(door)
    .filter((path) => !always.has(path))
    // The router shows /oidc/* as * or /*.
    .map((path) =>
      /^\/?\*$/.test(path) ? '/oidc/.well-known/openid-configuration' : path.replace(':uid', 'x'),
    )
  await production.close()
})
afterAll(() => door?.close())

/** Every path with a route, from the router's own tree, so that a new page is tested. */
function pathsOf({ server }: FrontDoor): string[] {
  const branch: string[] = []
  const paths: string[] = []
  for (const line of server.app.printRoutes({ commonPrefix: false }).split('\n')) {
    const [, indent = '', part = '', methods] = /^([│ ]*)[├└]── (\S*)( \(.*\))?$/.exec(line) ?? []
    branch.splice(indent.length / 4, Number.POSITIVE_INFINITY, part)
    if (methods !== undefined) paths.push(branch.join(''))
  }
  return paths
}

async function get(
  path: string,
  { headers = {}, port = new URL(door.url).port }: { headers?: Record<string, string>; port?: string } = {},
): Promise<{ status: number; body: string }> {
  const asked = request({
    host: '127.0.0.1',
    port,
    path,
    // The same id for all, so that only the answers themselves can differ.
    headers: { host: new URL(door.url).host, 'x-request-id': 'the-same-for-all', ...headers },
  })
  asked.end()
  const [response] = await once(asked, 'response')
  return { status: response.statusCode, body: await text(response) }
}

describe('what is there in development alone', () => {
  it('is the issuer, the explorer, the reference and the mailbox, and answers this machine', async () => {
    for (const prefix of ['/oidc/', '/graphiql', '/reference', '/mailbox'])
      expect(developmentPaths.some((path) => path.startsWith(prefix))).toBe(true)
    for (const path of developmentPaths.filter((path) => path !== '/' && !path.startsWith('/oidc/choose')))
      expect([path, (await get(path)).status]).toEqual([path, 200])
  })

  it('leads from the server’s address to the explorer', async () => {
    expect(developmentPaths).toContain('/')
    const { status, headers } = await fetch(door.url, { redirect: 'manual' })
    expect([status, headers.get('location')]).toEqual([302, '/graphiql'])
  })

  it.each([
    ['Forwarded', 'for=203.0.113.9'],
    ['X-Forwarded-For', '203.0.113.9'],
    ['X-Forwarded-For', ''],
    ['X-Forwarded-Host', 'shop.example'],
    ['X-Forwarded-Proto', 'https'],
    ['X-FORWARDED-anything', '1'],
    ['X-Real-IP', '127.0.0.1'],
    ['Via', '1.1 proxy'],
    ['CF-Connecting-IP', '203.0.113.9'],
    ['Host', 'shop.example'],
    ['Host', '127.0.0.1.shop.example'],
    ['Origin', 'https://shop.example'],
    ['Origin', 'null'],
    ['Sec-Fetch-Site', 'cross-site'],
  ])('is not there for a request with %s: %s', async (name, value) => {
    const absent = await get('/nothing-is-here')
    expect(absent.status).toBe(404)
    for (const path of developmentPaths)
      expect([path, await get(path, { headers: { [name]: value } })]).toEqual([path, absent])
  })

  it('does not exist for an HTTP/1.0 proxy without headers, nginx’s default', async () => {
    const { port, host } = new URL(door.url)
    for (const path of developmentPaths) {
      const socket = connect(Number(port), '127.0.0.1')
      socket.end(`GET ${path} HTTP/1.0\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      expect([path, (await text(socket)).split('\r\n')[0]]).toEqual([path, 'HTTP/1.1 404 Not Found'])
    }
  })

  it('does not exist through a proxy on the same host, but the API does', async () => {
    const { port } = new URL(door.url)
    const proxy = createServer((incoming, outgoing) => {
      const headers = { ...incoming.headers, host: `127.0.0.1:${port}`, 'x-forwarded-for': '203.0.113.9' }
      const { url: path, method } = incoming
      const passed = request({ host: '127.0.0.1', port, path, method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
      })
      incoming.pipe(passed)
    }).listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const through = { port: String((proxy.address() as AddressInfo).port) }
    try {
      for (const path of developmentPaths)
        expect([path, (await get(path, through)).status]).toEqual([path, 404])
      expect((await get('/healthz', through)).status).toBe(200)
      expect((await get('/graphql', through)).status).not.toBe(404)
    } finally {
      proxy.close()
    }
  })

  it('a form of its own page is taken, which hides its address', async () => {
    expect(
      (await get('/mailbox', { headers: { Origin: 'null', 'Sec-Fetch-Site': 'same-origin' } })).status,
    ).toBe(200)
    expect((await get('/mailbox', { headers: { Origin: 'http://localhost:5173' } })).status).toBe(200)
  })

  it('a page of another site sends no form here, and may lead here by a link', async () => {
    const of = async (headers: Record<string, string>) => (await get('/mailbox', { headers })).status
    expect(await of({ Origin: 'null', 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' })).toBe(
      404,
    )
    expect(await of({ 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' })).toBe(200)
  })

  it('says once in the log why', async () => {
    const told = door.log.filter((line) => line.includes('a development page was requested from elsewhere'))
    expect(told).toHaveLength(1)
  })
})
