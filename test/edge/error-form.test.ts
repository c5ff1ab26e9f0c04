// All answers have the same headers, and all errors the same form, including Fastify's and those of invalid requests.
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FrontDoor, openFrontDoor } from './front-door.ts'
import { HOOK, SIGNED } from './hook-route.ts'

let door: FrontDoor
beforeAll(async () => {
  door = await openFrontDoor()
})
afterAll(() => door?.close())

interface Raw {
  status: number
  headers: Record<string, string>
  body: string
}

async function say(request: string): Promise<Raw> {
  const { hostname, port } = new URL(door.url)
  const socket = connect({ host: hostname, port: Number(port) })
  let text = ''
  socket.setEncoding('utf8').on('data', (part) => {
    text += part
  })
  socket.on('error', () => {})
  socket.write(request)
  await once(socket, 'close')
  const [head = '', body = ''] = text.split('\r\n\r\n')
  const [line = '', ...lines] = head.split('\r\n')
  const headers = Object.fromEntries(lines.map((item) => item.toLowerCase().split(': ', 2)))
  return { status: Number(line.split(' ')[1]), headers, body }
}

const get = (path: string, ...more: string[]) =>
  [`GET ${path} HTTP/1.1`, 'host: x', 'connection: close', ...more, '', ''].join('\r\n')
const post = (path: string, body: string, ...more: string[]) =>
  [
    `POST ${path} HTTP/1.1`,
    'host: x',
    'connection: close',
    `content-length: ${Buffer.byteLength(body)}`,
    ...more,
    '',
    body,
  ].join('\r\n')
const JSON_BODY = 'content-type: application/json'

describe('an error', () => {
  it.each([
    ['a path that cannot be decoded', 400, () => get('/%')],
    ['a path without a route', 404, () => get('/nowhere')],
    ['a path without a route, and a body', 404, () => post('/nowhere', '{}', JSON_BODY)],
    [
      'a part of a path that is too long',
      414,
      () => get(`/hooks/in/${'x'.repeat(200)}`).replace('GET', 'POST'),
    ],
    [
      'a body of another type',
      415,
      () =>
        post('/oidc/choose/x', 'x', 'content-type: text/plain', `host: ${new URL(door.url).host}`).replace(
          'host: x\r\n',
          '',
        ),
    ],
    ['no credential', 401, () => post('/graphql', '{}', JSON_BODY)],
    ['no credential for a file', 401, () => get('/exports/exp_1')],
    ['no signature', 400, () => post(HOOK, '{}', JSON_BODY)],
    ['a body that is too large', 413, () => post(HOOK, 'x'.repeat(600_000), SIGNED)],
    ['headers that are too large', 431, () => get('/healthz', `x-large: ${'x'.repeat(20_000)}`)],
    ['what is no HTTP', 400, () => 'HELLO\r\n\r\n'],
    ['no Host', 400, () => get('/healthz').replace('host: x\r\n', '')],
    ['an Expect that is not known', 417, () => get('/healthz', 'expect: miracles')],
    ['a compressed body', 415, () => post(HOOK, '{}', JSON_BODY, 'content-encoding: gzip')],
    ['CONNECT', 400, () => 'CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['DELETE', 405, () => get('/graphql').replace('GET', 'DELETE')],
    ['OPTIONS', 405, () => get('/graphql').replace('GET', 'OPTIONS')],
    ['two lengths', 400, () => get('/healthz', 'content-length: 1', 'content-length: 2')],
    ['another protocol in an upgrade', 404, () => get('/nowhere', 'upgrade: h2c', 'connection: upgrade')],
  ])('%s is answered %i in the one form, with the headers of all answers', async (_name, status, request) => {
    const answer = await say(request())
    expect(answer.status).toBe(status)
    const { errors } = JSON.parse(answer.body)
    expect(errors).toEqual([
      { message: expect.any(String), extensions: expect.objectContaining({ code: expect.any(String) }) },
    ])
    expect(answer.headers).toMatchObject({
      'content-type': expect.stringContaining('json'),
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'x-request-id': errors[0].extensions.requestId,
    })
    expect(errors[0].extensions.requestId).toMatch(/^[\w-]{36}$/)
  })

  it('is also answered on a connection with earlier answers', async () => {
    const { hostname, port } = new URL(door.url)
    const socket = connect({ host: hostname, port: Number(port) })
    let text = ''
    socket.setEncoding('utf8').on('data', (part) => {
      if (text === '') setTimeout(() => socket.write('HELLO\r\n\r\n'), 50)
      text += part
    })
    socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n')
    await once(socket, 'close')
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400'])
  })

  it('quotes nothing of the request', async () => {
    for (const request of [
      get('/%zz-secret'),
      get('/nowhere-secret'),
      get(`/hooks/in/${'secret'.repeat(40)}`),
    ])
      expect((await say(request)).body).not.toContain('secret')
  })
})

it('an answer that is no error carries the headers, too', async () => {
  for (const path of ['/healthz', '/readyz']) {
    const { status, headers } = await say(get(path))
    expect([status, headers['x-content-type-options'], headers['cache-control']]).toEqual([
      200,
      'nosniff',
      'no-store',
    ])
  }
})

describe('the client address', () => {
  const warnings = () => door.log.filter((line) => line.includes('was ignored'))

  it('from a peer that is no trusted proxy is warned of once, with advice', async () => {
    expect(warnings()).toEqual([])
    for (let n = 0; n < 3; n += 1) await say(get('/healthz', 'x-forwarded-for: 192.0.2.1'))
    expect(warnings()).toHaveLength(1)
    expect(warnings()[0]).toContain('TRUSTED_PROXIES')
    expect(warnings()[0]).toContain('127.0.0.1')
  })

  it('from a trusted proxy is used without a warning; from Forwarded alone it is warned of', async () => {
    const other = await openFrontDoor({ trustedProxies: ['127.0.0.0/8'] })
    const ask = (headers: Record<string, string>) => fetch(`${other.url}/healthz`, { headers })
    const said = () => other.log.filter((line) => line.includes('was ignored'))
    await ask({ 'x-forwarded-for': '192.0.2.1' })
    expect(said()).toEqual([])
    await ask({ forwarded: 'for=192.0.2.1' })
    expect(said()).toHaveLength(1)
    await other.close()
  })
})
