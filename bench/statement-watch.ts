// Stands between a server and PostgreSQL, and counts the prepared statements of each connection: no other session can ask
// PostgreSQL for them.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

const HOST = '127.0.0.1'
const LENGTH_BYTES = 4
const PARSE = 0x50
const CLOSE = 0x43
/** Of the two things that a Close message names. */
const STATEMENT = 0x53

export type StatementWatch = {
  /** The URL of the same database, through here. */
  readonly url: string
  /** Named statements prepared and not closed, for each open connection. */
  counts(): readonly number[]
  stop(): void
}

export async function watchStatements(databaseUrl: string): Promise<StatementWatch> {
  const { hostname, port } = new URL(databaseUrl)
  const statements = new Map<Socket, Set<string>>()
  const server = createServer((client) => {
    const database = connect(Number(port), hostname)
    const prepared = new Set<string>()
    statements.set(client, prepared)
    const read = messageReader(prepared)
    client.on('data', read)
    client.pipe(database)
    database.pipe(client)
    client.on('close', () => statements.delete(client))
    // The end of either one ends the other behind what was sent.
    client.on('error', () => database.destroy())
    database.on('error', () => client.destroy())
    client.setNoDelay(true)
    database.setNoDelay(true)
  })
  server.listen(0, HOST)
  await once(server, 'listening')
  const url = new URL(databaseUrl)
  url.hostname = HOST
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    counts: () => [...statements.values()].map(({ size }) => size),
    stop() {
      server.close()
      for (const client of statements.keys()) client.destroy()
    },
  }
}

/** Takes what a client sends, in any pieces, and keeps the names of its prepared statements up to date. */
export function messageReader(prepared: Set<string>): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  // The first message, of the start, has no type.
  let typeBytes = 0
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let at = 0
    while (rest.length - at >= typeBytes + LENGTH_BYTES) {
      const end = at + typeBytes + rest.readInt32BE(at + typeBytes)
      if (rest.length < end) break
      if (typeBytes === 1) note(prepared, rest, at, end)
      typeBytes = 1
      at = end
    }
    rest = rest.subarray(at)
  }
}

function note(prepared: Set<string>, bytes: Buffer, at: number, end: number): void {
  const type = bytes[at]
  const body = at + 1 + LENGTH_BYTES
  if (type === PARSE) {
    const name = textAt(bytes, body, end)
    if (name !== '') prepared.add(name)
  } else if (type === CLOSE && bytes[body] === STATEMENT) prepared.delete(textAt(bytes, body + 1, end))
}

/** The text up to the next zero byte. */
function textAt(bytes: Buffer, from: number, end: number): string {
  const to = bytes.indexOf(0, from)
  return bytes.toString('utf8', from, to < 0 ? end : to)
}
