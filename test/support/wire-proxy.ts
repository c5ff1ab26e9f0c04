// Owns: a TCP relay before PostgreSQL that tells which messages clients send, and can break their connections at a
// chosen one. It understands the frontend's message framing and nothing of SQL.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** One message of a client: its type, and for a Parse the statement. */
export interface WireMessage {
  connection: number
  type: string
  text: string
}

/**
 * What happens to the messages that arrive together with the one it is chosen for. `lost`: they never reach the server,
 * and the connection breaks. `unanswered`: the server gets them and answers, but the connection breaks before the client
 * is told. `silent`: the server gets them, and its answer stays where it is until the relay is closed.
 */
export type Break = 'lost' | 'unanswered' | 'silent'

export interface WireProxy {
  /** The address of the database through this relay. */
  url: string
  messages: WireMessage[]
  /** Asked for each message; null lets it pass. */
  breakAt: (message: WireMessage) => Break | null
  /** Told when a break has happened: nothing of those messages will reach either side any more. */
  onBroken: () => void
  /** Bytes that clients have sent. */
  bytes: number
  /** The messages sent while `work` runs. */
  during<T>(work: () => Promise<T>): Promise<{ result: T; messages: WireMessage[] }>
  close(): Promise<void>
}

const STARTUP_HEADER_BYTES = 4
const HEADER_BYTES = 5
const EVERYTHING_PASSES = () => null

/** Listens on a free port of the loopback and relays to the server of `targetUrl`. */
export async function startWireProxy(targetUrl: string): Promise<WireProxy> {
  const target = new URL(targetUrl)
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer((client) => {
    const upstream = connect(Number(target.port || 5432), target.hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      // A reset by either side is what this relay is for.
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

/** Cuts what arrives into messages; the first of a connection has no type. */
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

/** A Parse holds the statement's name and text; a simple Query its text. */
function textOf(type: string, body: Buffer): string {
  const strings = body.toString('utf8').split('\0')
  return (type === 'P' ? strings[1] : type === 'Q' ? strings[0] : '') ?? ''
}
