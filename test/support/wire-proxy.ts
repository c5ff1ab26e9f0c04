// A TCP proxy in front of PostgreSQL that records the clients' messages, and can break their connections at a chosen
// one. It parses the protocol's message framing, and no SQL.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A client's message: its type, and the statement of a Parse. */
export interface WireMessage {
  connection: number
  type: string
  text: string
}

/**
 * What happens to the messages that arrive together with the chosen one. `lost`: they do not reach the server, and the
 * connection breaks. `unanswered`: the server processes them, but the connection breaks before the answer. `silent`:
 * the server processes them, and its answer is held until the proxy is closed.
 */
export type Break = 'lost' | 'unanswered' | 'silent'

export interface WireProxy {
  /** The connection string of the database through this proxy. */
  url: string
  messages: WireMessage[]
  /** Called for each message; null lets it pass. */
  breakAt: (message: WireMessage) => Break | null
  /** Called when a break has happened: nothing more of those messages reaches either side. */
  onBroken: () => void
  /** Bytes sent by clients. */
  bytes: number
  /** The messages sent while `work` runs. */
  during<T>(work: () => Promise<T>): Promise<{ result: T; messages: WireMessage[] }>
  close(): Promise<void>
}

const STARTUP_HEADER_BYTES = 4
const HEADER_BYTES = 5
const EVERYTHING_PASSES = () => null

/** Listens on a free port of the loopback and forwards to the server of `targetUrl`. */
export async function startWireProxy(targetUrl: string): Promise<WireProxy> {
  const target = new URL(targetUrl)
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer((client) => {
    const upstream = connect(Number(target.port || 5432), target.hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      // Resets by either side are expected here.
      socket.on('error', () => {})
    }
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
    relay({ client, upstream, connection: connections++, proxy })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = new URL(targetUrl)
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const proxy: WireProxy = {
    url: url.href,
    messages: [],
    breakAt: EVERYTHING_PASSES,
    onBroken: () => {},
    bytes: 0,
    async during(work) {
      const start = proxy.messages.length
      const result = await work()
      return { result, messages: proxy.messages.slice(start) }
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      if (server.listening) await once(server, 'close')
    },
  }
  return proxy
}

function relay(to: { client: Socket; upstream: Socket; connection: number; proxy: WireProxy }): void {
  const { client, upstream, connection, proxy } = to
  const read = messageReader(connection)
  let broken: Break | null = null
  client.on('data', (chunk) => {
    proxy.bytes += chunk.length
    const messages = read(chunk)
    proxy.messages.push(...messages)
    broken ??= messages.map((message) => proxy.breakAt(message)).find((chosen) => chosen !== null) ?? null
    if (broken === 'lost') {
      client.destroy()
      proxy.onBroken()
    } else upstream.write(chunk)
  })
  upstream.on('data', (chunk) => {
    if (broken === null) client.write(chunk)
    else if (broken === 'unanswered' && !client.destroyed) {
      client.destroy()
      proxy.onBroken()
    }
  })
}

/** Splits the input into messages; the first of a connection has no type. */
function messageReader(connection: number): (chunk: Buffer) => WireMessage[] {
  let pending = Buffer.alloc(0)
  let started = false
  return (chunk) => {
    pending = Buffer.concat([pending, chunk])
    const messages: WireMessage[] = []
    for (;;) {
      const header = started ? HEADER_BYTES : STARTUP_HEADER_BYTES
      if (pending.length < header) return messages
      const length = pending.readInt32BE(header - STARTUP_HEADER_BYTES) + header - STARTUP_HEADER_BYTES
      if (pending.length < length) return messages
      const type = started ? String.fromCharCode(pending[0] as number) : 'startup'
      messages.push({ connection, type, text: textOf(type, pending.subarray(header, length)) })
      pending = pending.subarray(length)
      started = true
    }
  }
}

/** A Parse contains the statement's name and text; a simple Query its text. */
function textOf(type: string, body: Buffer): string {
  const strings = body.toString('utf8').split('\0')
  return (type === 'P' ? strings[1] : type === 'Q' ? strings[0] : '') ?? ''
}
