// The server's shutdown, and its health answers until then.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type FrontDoor, memberDatabase, openFrontDoor, tokenOf } from './front-door.ts'

let door: FrontDoor | undefined
afterEach(async () => {
  await door?.close()
  door = undefined
})

/** A resolver that waits for a signal, and reports when it was reached. */
function gate() {
  const reached = Promise.withResolvers<void>()
  const open = Promise.withResolvers<string>()
  const wait = () => {
    reached.resolve()
    return open.promise
  }
  return { reached: reached.promise, open: () => open.resolve('done'), wait }
}

describe('readiness', () => {
  it('alive and ready say so', async () => {
    door = await openFrontDoor()
    const [alive, ready] = [await door.send('/healthz'), await door.send('/readyz')]
    expect([alive.status, alive.body]).toEqual([200, { alive: true }])
    expect([ready.status, ready.body]).toEqual([200, { ready: true, reasons: [] }])
  })

  it('case 48: not ready, with the reason, while the database is away; still alive', async () => {
    const ping = () => Promise.reject(new Error('connect ECONNREFUSED 10.0.0.5:5432'))
    door = await openFrontDoor({ database: memberDatabase({ ping }), findings: () => ['walls: not whole'] })
    const ready = await door.send('/readyz')
    expect(ready.status).toBe(503)
    expect(ready.body).toEqual({ ready: false, reasons: ['walls: not whole', 'database: unreachable'] })
    expect((await door.send('/healthz')).status).toBe(200)
  })

  it('probes share one ping of the database', async () => {
    let pings = 0
    const ping = async () => {
      pings += 1
    }
    const now = new Date()
    door = await openFrontDoor({ database: memberDatabase({ ping }), clock: () => now })
    const { send } = door
    await Promise.all(Array.from({ length: 20 }, () => send('/readyz')))
    expect(pings).toBe(1)
  })
})

describe('closing', () => {
  it('case 47: a request in flight is answered, its connection closed, and no new one accepted', async () => {
    const held = gate()
    door = await openFrontDoor({ resolvers: { hello: held.wait } })
    const answer = door.ask('{ hello }')
    await held.reached
    const closed = door.close()
    while (door.server.app.server.listening) await nextTurn()
    await expect(connectTo(door.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    held.open()
    const { status, body, headers } = await answer
    expect([status, body.data]).toEqual([200, { hello: 'done' }])
    expect(headers.get('connection')).toBe('close')
    await closed
  })

  it('a request still in the kernel is answered, on a new connection', async () => {
    door = await openFrontDoor()
    const { url, close } = door
    const socket = socketTo(url)
    const said = allOf(socket)
    socket.write(HELLO)
    // It connects in the next tick; the kernel accepts it at once, the server only when the event loop gets there.
    process.nextTick(close)
    expect(await said).toMatch(/^HTTP\/1\.1 200 .*\r\nconnection: close\r\n.*"hello you"/s)
  })

  it('a request still in the kernel is answered, on a kept-alive connection', async () => {
    door = await openFrontDoor()
    const socket = socketTo(door.url)
    socket.write(HELLO)
    expect(String(await once(socket, 'data'))).toMatch(/^HTTP\/1\.1 200 /)
    const said = allOf(socket)
    socket.write(HELLO)
    const closed = door.close()
    expect(await said).toMatch(/^HTTP\/1\.1 200 .*\r\nconnection: close\r\n.*"hello you"/s)
    await closed
  })

  it('says that it is draining while requests are still accepted', async () => {
    const drainGraceMs = 60_000
    door = await openFrontDoor({ drainGraceMs })
    // The grace lasts as long as the test needs.
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    const closed = door.close()
    try {
      const { status, body } = await door.send('/readyz')
      expect([status, body.ready]).toEqual([503, false])
      expect(body.reasons).toEqual(['draining: this process is about to stop'])
      expect((await door.ask('{ hello }')).status).toBe(200)
    } finally {
      vi.advanceTimersByTime(drainGraceMs)
      vi.useRealTimers()
    }
    await closed
    await expect(connectTo(door.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('an idle connection does not delay it, and closing twice is harmless', async () => {
    door = await openFrontDoor()
    await door.ask('{ hello }')
    await Promise.all([door.close(), door.close()])
  })

  it('a client that disconnects meanwhile affects no one else', async () => {
    const held = gate()
    door = await openFrontDoor({ resolvers: { fails: held.wait } })
    const aborted = new AbortController()
    const answer = door.send('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ fails }"}',
      signal: aborted.signal,
    })
    await held.reached
    aborted.abort()
    await expect(answer).rejects.toThrow()
    held.open()
    expect((await door.ask('{ hello }')).status).toBe(200)
    const socket = await connectTo(door.url)
    socket.write(
      'POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50\r\n',
    )
    socket.write(`authorization: Bearer ${tokenOf('owner@acme.example')}\r\n\r\n{"query`)
    socket.destroy()
    expect((await door.ask('{ hello }')).status).toBe(200)
    expect(door.log.filter((line) => JSON.parse(line).level >= 50)).toEqual([])
  })
})

describe('metrics', () => {
  it('count requests by operation and outcome, and show the pool', async () => {
    door = await openFrontDoor()
    await door.ask('query Greeting { hello }')
    await door.ask('query Greeting { hello }')
    await door.ask('{ nothing }')
    const text = await (await fetch(door.metricsUrl)).text()
    expect(text).toContain('bulkhead_graphql_requests_total{operation="Greeting",code="OK"} 2')
    expect(text).toContain('bulkhead_graphql_requests_total{operation="anonymous",code="BAD_USER_INPUT"} 1')
    expect(text).toContain('bulkhead_graphql_request_duration_seconds_count{operation="Greeting"} 2')
    expect(text).toContain('bulkhead_database_pool_idle 3')
    expect(text).toContain('process_cpu_seconds_total')
    expect((await door.send('/metrics')).status, 'not on the public address').toBe(404)
  })

  it('hold a bounded number of operation names', async () => {
    door = await openFrontDoor()
    for (let n = 0; n < 250; n += 1) await door.ask(`query Name${n} { hello }`)
    await door.ask(`query ${'a'.repeat(65)} { hello }`)
    const text = await (await fetch(door.metricsUrl)).text()
    expect(text.match(/requests_total\{/g)?.length).toBeLessThanOrEqual(201)
    expect(text).toContain('bulkhead_graphql_requests_total{operation="other",code="OK"} 51')
  })
})

const HELLO_BODY = '{"query":"{ hello }"}'
const HELLO = [
  'POST /graphql HTTP/1.1',
  'host: x',
  'content-type: application/json',
  `authorization: Bearer ${tokenOf('owner@acme.example')}`,
  `content-length: ${HELLO_BODY.length}`,
  '',
  HELLO_BODY,
].join('\r\n')

function socketTo(url: string): Socket {
  const { hostname, port } = new URL(url)
  return connect(Number(port), hostname)
}

async function connectTo(url: string): Promise<Socket> {
  const socket = socketTo(url)
  await once(socket, 'connect')
  return socket
}

/** All bytes from now on, until it is closed. */
async function allOf(socket: Socket): Promise<string> {
  let said = ''
  for await (const chunk of socket) said += String(chunk)
  return said
}
