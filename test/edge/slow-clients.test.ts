// Clients that do not read their answer, on real sockets.
import { EventEmitter, once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { pipeline, Readable } from 'node:stream'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { cutOffWhenStalled } from '../../src/edge/stalled-sockets.ts'
import { createUnsentAnswers } from '../../src/edge/unsent-answers.ts'
import { type FrontDoor, openFrontDoor, refusalOf, tokenOf } from './front-door.ts'

// Megabytes through two sockets of one process take a while on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

let door: FrontDoor | undefined
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await door?.close()
  door = undefined
})

/** Far more than the buffers of both sockets. */
const LARGE_BYTES = 12 * 1_048_576
const QUIET_MS = 200
const notes = () => [{ text: 'x'.repeat(LARGE_BYTES) }]
const options = {
  resolvers: { notes },
  answerBytesMax: 2 * LARGE_BYTES,
  budget: { capacity: 1e9, restorePerSecond: 1e9 },
}

function request(url: string, path: string, query?: string, acceptEncoding = 'identity'): Socket {
  const { port, hostname } = new URL(url)
  const socket = connect(Number(port), hostname)
  sockets.push(socket)
  const body = query === undefined ? '' : JSON.stringify({ query })
  const head = [
    `${query === undefined ? 'GET' : 'POST'} ${path} HTTP/1.1`,
    `host: ${hostname}`,
    `authorization: Bearer ${tokenOf('owner@acme.example')}`,
    'content-type: application/json',
    `accept-encoding: ${acceptEncoding}`,
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  socket.on('error', () => {})
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  return socket
}

/** Resolves when the server has no connections left. */
async function allClosed(opened: FrontDoor): Promise<void> {
  const count = () =>
    new Promise<number>((resolve) => opened.server.app.server.getConnections((_error, n) => resolve(n)))
  while ((await count()) > 0) await new Promise((resolve) => setTimeout(resolve, 20))
}

describe('a client that reads nothing', () => {
  it('of an answer of /graphql is cut off', async () => {
    const opened = await openFrontDoor({ ...options, limits: { quietMs: QUIET_MS } })
    door = opened
    const socket = request(opened.url, '/graphql', '{ notes { text } }')
    await once(socket, 'readable')
    await allClosed(opened)
  })

  it('of the answer of any other route is cut off', async () => {
    const list = async () => [{ text: 'x'.repeat(LARGE_BYTES) }] as never
    const opened = await openFrontDoor({ limits: { quietMs: QUIET_MS }, mailbox: { list } })
    door = opened
    const socket = request(opened.url, '/mailbox/messages')
    await once(socket, 'readable')
    await allClosed(opened)
  })

  it('of a stream is cut off, and the stream ends', async () => {
    const endless = Readable.from(
      (async function* () {
        for (;;) yield Buffer.alloc(65_536)
      })(),
    )
    const server = createServer((_incoming, response) => {
      cutOffWhenStalled(response, QUIET_MS)
      pipeline(endless, response, () => {})
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const socket = request(`http://127.0.0.1:${port}`, '/')
    await once(socket, 'readable')
    await new Promise((resolve) => endless.on('error', () => {}).once('close', resolve))
    server.close()
    await once(server, 'close')
  })

  it('that reads slowly gets the whole answer', async () => {
    const opened = await openFrontDoor({ ...options, limits: { quietMs: 5 * QUIET_MS } })
    door = opened
    const socket = request(opened.url, '/graphql', '{ notes { text } }')
    let taken = 0
    socket.on('data', (bytes) => {
      taken += bytes.length
      socket.pause()
      setTimeout(() => socket.resume(), (bytes.length / LARGE_BYTES) * 10 * QUIET_MS)
    })
    while (taken < LARGE_BYTES) {
      expect(socket.destroyed).toBe(false)
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS))
    }
  })

  it('that only waits for a slow operation is not cut off', async () => {
    const hello = () => new Promise((resolve) => setTimeout(resolve, QUIET_MS * 4, 'late'))
    const opened = await openFrontDoor({ resolvers: { hello }, limits: { quietMs: QUIET_MS } })
    door = opened
    expect((await opened.ask('{ hello }')).body.data).toEqual({ hello: 'late' })
  })
})

describe('answers that the client does not read', () => {
  it('leave no room for more large ones of the tenant: 503, with Retry-After; small ones are answered', async () => {
    const opened = await openFrontDoor({ ...options, answerBytesMax: LARGE_BYTES + 65_536 })
    door = opened
    for (let n = 0; n < 2; n += 1) {
      const socket = request(opened.url, '/graphql', '{ notes { text } }')
      await once(socket, 'readable')
    }
    const answer = await opened.ask('{ notes { text } }')
    expect(refusalOf(answer)).toBe('503 SERVICE_UNAVAILABLE')
    expect(answer.headers.get('retry-after')).toBe('1')
    expect((await opened.ask('{ hello }')).status).toBe(200)
    for (const socket of sockets) socket.destroy()
    while ((await opened.ask('{ notes { text } }')).status !== 200)
      await new Promise((resolve) => setTimeout(resolve, 20))
  })

  it('count with the bytes that are sent: compressed ones leave room', async () => {
    const opened = await openFrontDoor(options)
    door = opened
    for (let n = 0; n < 3; n += 1) {
      const socket = request(opened.url, '/graphql', '{ notes { text } }', 'gzip')
      await once(socket, 'readable')
    }
    expect((await opened.ask('{ notes { text } }')).status).toBe(200)
  })

  it('are bounded for one tenant and for all, and counted until they are closed', () => {
    const unsent = createUnsentAnswers(1_000_000)
    const responses: { response: ServerResponse; close(): void }[] = []
    const response = () => {
      const made = Object.assign(new EventEmitter(), { closed: false, destroyed: false })
      const response = made as unknown as ServerResponse // all of it that is used
      responses.push({ response, close: () => made.emit('close') })
      return response
    }
    const tenants = Array.from({ length: 5 }, () => ({}))
    const held = tenants.map((tenant) => [1, 2, 3].map(() => unsent.hold(response(), tenant, 1_000_000)))
    expect(held).toEqual([...Array.from({ length: 4 }, () => [true, true, false]), [false, false, false]])
    expect(unsent.bytes).toBe(8_000_000)
    const shrunk = responses[0]?.response
    if (shrunk !== undefined) unsent.shrink(shrunk, 300_000)
    expect(unsent.bytes).toBe(7_300_000)
    for (const { close } of responses) close()
    expect(unsent.bytes).toBe(0)
    // The client left while its answer was compressed.
    if (shrunk !== undefined) unsent.shrink(shrunk, 300_000)
    expect(unsent.bytes).toBe(0)
    expect(unsent.hold(response(), tenants[4] ?? {}, 1_000_000)).toBe(true)
    // Otherwise it would be cut off later, during other tests.
    for (const { close } of responses) close()
  })
})
