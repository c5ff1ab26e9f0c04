// A small HTTP/1.1 client over bare sockets: on two cores a larger one would take CPU from the measured servers.
import { connect, type Socket } from 'node:net'

const HOST = '127.0.0.1'
const HEAD_END = '\r\n\r\n'
const CONTENT_LENGTH = /\r\ncontent-length: (\d+)/i

export type Reply = { readonly status: number; readonly body: Buffer }

/** The bytes of a request. */
export function encodeRequest(path: string, token: string, body: string): string {
  return `POST ${path} HTTP/1.1\r\nhost: ${HOST}\r\ncontent-type: application/json\r\naccept: application/json\r\nauthorization: Bearer ${token}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

/** A kept-alive connection, for one request at a time. */
export class Connection {
  readonly #socket: Socket
  #chunks: Buffer[] = []
  #length = 0
  #expected = -1
  #bodyAt = 0
  #status = 0
  #settle: { resolve(reply: Reply): void; reject(error: Error): void } | null = null
  /** Why no request can be sent any more. */
  #failure: Error | null = null

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('the server closed the connection')))
  }

  static async open(port: number): Promise<Connection> {
    const socket = connect(port, HOST)
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new Connection(socket)
  }

  /** Rejects when the connection is or becomes closed, or the answer has no length. */
  send(request: string): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) {
        reject(this.#failure)
        return
      }
      this.#settle = { resolve, reject }
      this.#socket.write(request)
    })
  }

  close(): void {
    this.#settle = null
    this.#socket.destroy()
  }

  /** The first reason is kept. */
  #fail(error: Error): void {
    this.#failure ??= error
    this.#settle?.reject(this.#failure)
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    if (this.#expected < 0 && !this.#readHead()) return
    if (this.#length < this.#expected) return
    const reply = { status: this.#status, body: Buffer.concat(this.#chunks).subarray(this.#bodyAt) }
    this.#chunks = []
    this.#length = 0
    this.#expected = -1
    this.#settle?.resolve(reply)
  }

  #readHead(): boolean {
    const text = Buffer.concat(this.#chunks).toString('latin1')
    const end = text.indexOf(HEAD_END)
    if (end < 0) return false
    const head = text.slice(0, end)
    const length = CONTENT_LENGTH.exec(head)?.[1]
    if (length === undefined) {
      this.#fail(new Error(`an answer without content-length: ${head}`))
      return false
    }
    this.#status = Number(head.slice(9, 12))
    this.#bodyAt = end + HEAD_END.length
    this.#expected = this.#bodyAt + Number(length)
    return true
  }
}
