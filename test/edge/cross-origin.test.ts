// What pages of other origins may read, header by header; other-origin.test.ts does it in a browser.
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answered, type FrontDoor, openFrontDoor } from './front-door.ts'
import { HOOK } from './hook-route.ts'

const LISTED = 'https://admin.example.com'
const LOCAL = ['http://localhost:5173', 'http://127.0.0.1:8080', 'http://[::1]:3000', 'https://localhost']
/** Origins that resemble an allowed one, or are none. */
const FOREIGN = [
  'https://evil.example',
  'http://admin.example.com',
  'https://admin.example.com.evil.example',
  'https://admin.example.com:8443',
  'https://ADMIN.example.com',
  'http://localhost.evil.example',
  'http://localhost/path',
  'null',
]

let door: FrontDoor
let development: FrontDoor
let production: FrontDoor
beforeAll(async () => {
  const limits = { requestsPerConnectionMax: 0 }
  ;[door, development, production] = await Promise.all([
    openFrontDoor({ crossOrigins: { listed: [LISTED], loopback: false } }),
    openFrontDoor({
      crossOrigins: { listed: [LISTED], loopback: true },
      mailbox: { list: async () => [] },
    }),
    openFrontDoor({ production: true }),
  ])
  busy = await openFrontDoor({ crossOrigins: { listed: [LISTED], loopback: false }, limits })
})
let busy: FrontDoor
afterAll(() => Promise.all([door, development, production, busy].map((one) => one?.close())))

const JSON_TYPE = { 'content-type': 'application/json' }
const HELLO = { method: 'POST', headers: JSON_TYPE, body: '{"query":"{ hello }"}' }

const reader = ({ headers }: Answered) => headers.get('access-control-allow-origin')
const from = (origin: string, init: RequestInit = {}): RequestInit => ({
  ...init,
  headers: { ...(init.headers as Record<string, string>), origin },
})
const preflight = (at: FrontDoor, path: string, origin: string) =>
  at.send(path, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,bulkhead-tenant,content-type',
    },
  })

describe('a preflight', () => {
  it.each(['/graphql', '/auth/tenants', '/audit.csv', '/exports/exp_1'])(
    'of %s is answered and stored',
    async (path) => {
      const { status, body, headers } = await preflight(door, path, LISTED)
      expect([status, body]).toEqual([204, ''])
      expect(Object.fromEntries(headers)).toMatchObject({
        'access-control-allow-origin': LISTED,
        'access-control-allow-methods': 'GET, POST',
        'access-control-allow-headers': 'authorization,bulkhead-tenant,content-type',
        'access-control-max-age': '7200',
        vary: 'Origin',
      })
      expect(headers.has('access-control-allow-credentials')).toBe(false)
    },
  )

  it('of a refused origin is a clear refusal that names the setting', async () => {
    const refused = await preflight(door, '/graphql', 'https://evil.example')
    expect(refused.status).toBe(403)
    expect(refused.body.errors[0].message).toContain('CORS_ORIGINS')
    expect(refused.body.errors[0].extensions.code).toBe('FORBIDDEN')
    expect([...refused.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
  })

  it('needs no credential, and reads no data', async () => {
    const reads = door.reads()
    const { status } = await fetch(`${door.url}/graphql`, {
      method: 'OPTIONS',
      headers: { origin: LISTED, 'access-control-request-method': 'POST' },
    })
    expect([status, door.reads()]).toEqual([204, reads])
  })
})

describe('an answer', () => {
  it('can be read by a listed origin, with the headers that clients need', async () => {
    const answer = await door.send('/graphql', from(LISTED, HELLO))
    expect(answer.body.data).toEqual({ hello: 'hello you' })
    expect(reader(answer)).toBe(LISTED)
    expect(answer.headers.get('access-control-expose-headers')?.split(', ')).toEqual(
      expect.arrayContaining([
        'x-request-id',
        'retry-after',
        'ratelimit-remaining',
        'content-disposition',
        'etag',
      ]),
    )
  })

  it.each(FOREIGN)('cannot be read by %s', async (origin) => {
    for (const at of [door, development]) {
      const answer = await at.send('/graphql', from(origin, HELLO))
      expect([answer.status, reader(answer)]).toEqual([200, null])
      expect(answer.headers.get('vary')).toContain('Origin')
    }
  })

  it.each(LOCAL)('can be read by %s in development alone', async (origin) => {
    expect(reader(await development.send('/graphql', from(origin, HELLO)))).toBe(origin)
    expect(reader(await door.send('/graphql', from(origin, HELLO)))).toBe(null)
  })

  it('can be read by no other origin in production without a setting', async () => {
    for (const origin of [LISTED, ...LOCAL, ...FOREIGN]) {
      expect(reader(await production.send('/graphql', from(origin, HELLO)))).toBe(null)
      expect((await preflight(production, '/graphql', origin)).status).toBe(403)
    }
  })

  it.each([
    ['/healthz', {}],
    ['/mailbox/messages', {}],
    ['/graphiql', {}],
    [HOOK, { method: 'POST', headers: { 'x-signature': 'x' }, body: '{}' }],
  ])('of %s cannot be read by a page', async (path, init) => {
    const answer = await development.send(path, from(LOCAL[0] ?? '', init))
    expect([answer.status, reader(answer)]).toEqual([200, null])
  })
})

describe('an error can be read', () => {
  it.each<[string, number, () => FrontDoor, string, RequestInit]>([
    [
      'no credential',
      401,
      () => door,
      '/graphql',
      { ...HELLO, headers: { ...JSON_TYPE, authorization: '' } },
    ],
    [
      'no member',
      401,
      () => door,
      '/graphql',
      { ...HELLO, headers: { ...JSON_TYPE, authorization: 'Bearer x' } },
    ],
    ['a refused document', 400, () => door, '/graphql', { ...HELLO, body: '{"query":"{ nothing }"}' }],
    ['a body that is too large', 413, () => door, '/graphql', { ...HELLO, body: 'x'.repeat(300_000) }],
    ['another type', 415, () => door, '/graphql', { ...HELLO, headers: { 'content-type': 'text/plain' } }],
    ['another method', 405, () => door, '/graphql', { method: 'DELETE' }],
    ['too many requests', 429, () => busy, '/graphql', HELLO],
    ['a path without a route', 404, () => door, '/nowhere', {}],
    ['a path that cannot be parsed', 400, () => door, '/%', {}],
    ['a file without a credential', 401, () => door, '/exports/exp_1', { headers: { authorization: '' } }],
  ])('%s: %i', async (_name, status, at, path, init) => {
    const answer = await at().send(path, from(LISTED, init))
    expect([answer.status, reader(answer)]).toEqual([status, LISTED])
    expect(reader(await at().send(path, from('https://evil.example', init)))).toBe(null)
  })

  it.each([
    [
      'headers that are too large',
      `GET /graphql HTTP/1.1\r\norigin: ${LISTED}\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`,
    ],
    ['an invalid request', `GET /graphql HTTP/1.1\r\nOrigin: ${LISTED}\r\ncontent-length: a\r\n\r\n`],
  ])('%s, answered on the socket', async (_name, request) => {
    const say = async (text: string) => {
      const socket = connect({ host: '127.0.0.1', port: Number(new URL(door.url).port) })
      let answer = ''
      socket.setEncoding('utf8').on('data', (part) => {
        answer += part
      })
      socket.on('error', () => {})
      socket.write(text)
      await once(socket, 'close')
      return answer
    }
    expect(await say(request)).toContain(`access-control-allow-origin: ${LISTED}\r\n`)
    expect(await say(request.replace(LISTED, 'https://evil.example'))).not.toContain('access-control')
  })
})
