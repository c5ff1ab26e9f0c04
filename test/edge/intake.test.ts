// What an unauthenticated client can occupy by sending: partial requests, connections, bodies. Each is bounded, and
// refusals do not affect others. On real sockets with small bounds; it checks counts and states, no times.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { HTTP_LIMITS, type HttpLimits } from '../../src/edge/http-limits.ts'
import { type FrontDoor, openFrontDoor, tokenOf } from './front-door.ts'
import { HOOK, SIGNED } from './hook-route.ts'

const SOON: Partial<HttpLimits> = { headersTimeoutMs: 150, requestTimeoutMs: 300, checkingIntervalMs: 50 }

let door: FrontDoor
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await door?.close()
})

type Line = { socket: Socket; text: () => string; closed: Promise<unknown> }

async function dial(from = '127.0.0.1'): Promise<Line> {
  const { hostname, port } = new URL(door.url)
  const socket = connect({ host: hostname, port: Number(port), localAddress: from })
  sockets.push(socket)
  let text = ''
  socket.setEncoding('utf8')
  socket.on('data', (part) => {
    text += part
  })
  // Closed by the server, whether it had read everything or not.
  socket.on('error', () => {})
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await once(socket, 'connect')
  return { socket, text: () => text, closed }
}

/** Waits until the server has sent this. Call it before the server can have. */
async function hear(line: Line, words: string): Promise<string> {
  await Promise.race([
    line.closed,
    new Promise((resolve) => line.socket.on('data', () => line.text().includes(words) && resolve(null))),
  ])
  if (!line.text().includes(words)) throw new Error(`closed before it said "${words}": ${line.text()}`)
  return line.text()
}

function head(path: string, ...lines: string[]): string {
  return [`POST ${path} HTTP/1.1`, 'host: x', ...lines, '', ''].join('\r\n')
}

describe('half a request', () => {
  it.each([
    ['nothing at all', ''],
    ['half of a head', `POST ${HOOK} HTTP/1.1\r\nhost: x\r\ncontent-le`],
    [
      'a head, and half of its body',
      `${head(HOOK, SIGNED, 'content-length: 100', 'content-type: application/json')}{"a":`,
    ],
  ])('%s is closed when its time is over, with 408', async (_name, sent) => {
    door = await openFrontDoor({ limits: SOON })
    const line = await dial()
    line.socket.write(sent)
    await line.closed
    expect(line.text()).toMatch(/^HTTP\/1\.1 408 /)
    expect(line.text()).toContain('x-content-type-options: nosniff')
    expect(line.text()).toContain('"code":"BAD_USER_INPUT"')
  })

  it('is closed within 30 seconds by the bounds that are in force, which Node takes as they are', async () => {
    door = await openFrontDoor()
    const { headersTimeout, requestTimeout } = door.server.app.server
    expect(headersTimeout).toBe(HTTP_LIMITS.headersTimeoutMs)
    expect(requestTimeout).toBe(HTTP_LIMITS.requestTimeoutMs)
    // Otherwise Node swaps the two.
    expect(headersTimeout).toBeLessThanOrEqual(requestTimeout)
    expect(requestTimeout + HTTP_LIMITS.checkingIntervalMs).toBeLessThanOrEqual(30_000)
  })
})

describe('connections', () => {
  it('of one address are bounded, and another address still gets in', async () => {
    door = await openFrontDoor({ limits: { connectionsPerAddressMax: 2 } })
    const [first] = [await dial('127.0.4.1'), await dial('127.0.4.1')]
    const third = await dial('127.0.4.1')
    await third.closed
    const other = await dial('127.0.4.2')
    other.socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n')
    expect(await hear(other, 'alive')).toMatch(/^HTTP\/1\.1 200 /)
    first?.socket.destroy()
    // The server notices a moment later.
    await expect
      .poll(async () => {
        const again = await dial('127.0.4.1')
        again.socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n')
        return await hear(again, 'alive').catch(() => 'refused')
      })
      .toMatch(/^HTTP\/1\.1 200 /)
  })

  it('of a trusted proxy are not bounded by its address', async () => {
    door = await openFrontDoor({
      limits: { connectionsPerAddressMax: 1 },
      trustedProxies: ['127.0.4.0/24'],
    })
    const lines = [await dial('127.0.4.1'), await dial('127.0.4.1'), await dial('127.0.4.1')]
    for (const line of lines) {
      line.socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n')
      expect(await hear(line, 'alive')).toMatch(/^HTTP\/1\.1 200 /)
    }
  })

  it('of all are bounded', async () => {
    door = await openFrontDoor({ limits: { connectionsMax: 2 } })
    await dial('127.0.4.1')
    await dial('127.0.4.2')
    const third = await dial('127.0.4.3')
    await third.closed
    expect(third.text()).toBe('')
  })

  it('carry few requests at once: the next is refused, and nothing more is read from there', async () => {
    let answer: (text: string) => void = () => {}
    const slow = new Promise<string>((resolve) => {
      answer = resolve
    })
    door = await openFrontDoor({
      limits: { requestsPerConnectionMax: 3 },
      resolvers: { hello: () => slow },
    })
    const line = await dial()
    const body = '{"query":"{ hello }"}'
    const token = tokenOf('owner@acme.example')
    const request = `${head('/graphql', `authorization: Bearer ${token}`, 'content-type: application/json', `content-length: ${body.length}`)}${body}`
    line.socket.write(request.repeat(4))
    await expect.poll(() => door.reads()).toBe(3)
    answer('late')
    await line.closed
    const statuses = [...line.text().matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)
    expect(statuses).toEqual(['200', '200', '200', '429'])
  })
})

describe('bodies', () => {
  const large = head(HOOK, SIGNED, 'content-type: application/json', 'content-length: 100000')

  it('of unauthenticated clients are bounded by address, and a caller is served meanwhile', async () => {
    door = await openFrontDoor({ limits: { unauthenticated: { bytesMax: 1e6, bytesPerAddressMax: 50_000 } } })
    const holding = await dial('127.0.4.1')
    holding.socket.write(`${large}${'x'.repeat(49_000)}`)
    const greedy = await dial('127.0.4.1')
    greedy.socket.write(`${large}${'x'.repeat(90_000)}`)
    await greedy.closed
    expect((await door.ask('{ hello }')).status).toBe(200)
    holding.socket.write('x'.repeat(2_000))
    await holding.closed
  })

  it('are refused before they are read when the bound is reached, with Retry-After', async () => {
    door = await openFrontDoor({
      limits: { unauthenticated: { bytesMax: 1_000, bytesPerAddressMax: 1_000 } },
    })
    const holding = await dial('127.0.4.1')
    holding.socket.write(`${large}${'x'.repeat(1_000)}`)
    const refused = (from: string) => async () => {
      const line = await dial(from)
      line.socket.write(`${head(HOOK, SIGNED, 'content-length: 2')}xx`)
      return await hear(line, '}')
    }
    // The bytes of the first are counted when they have arrived.
    await expect.poll(refused('127.0.4.1')).toMatch(/^HTTP\/1.1 429 .*retry-after: 1/is)
    expect(await refused('127.0.4.2')()).toMatch(/^HTTP\/1.1 503 .*retry-after: 1/is)
  })

  it('leave their room when they are answered', async () => {
    door = await openFrontDoor({ limits: { callers: { bytesMax: 300, bytesPerAddressMax: 300 } } })
    for (let n = 0; n < 10; n += 1) expect((await door.ask('{ hello }')).status).toBe(200)
    await expect(door.ask(`{ hello } # ${'x'.repeat(400)}`)).rejects.toThrow()
  })

  it('are not read for a wrong path, method, credential or size', async () => {
    door = await openFrontDoor()
    for (const [request, status] of [
      [head('/nowhere', 'content-length: 100000'), 404],
      [`PUT /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n`, 405],
      [head('/graphql', 'content-length: 100000', 'content-type: application/json'), 401],
      [head(HOOK, SIGNED, 'content-length: 600000'), 413],
    ] as const) {
      const line = await dial()
      line.socket.write(request)
      await line.closed
      expect(line.text()).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    }
  })
})
