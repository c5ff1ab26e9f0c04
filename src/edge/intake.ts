// Bounds what this process receives at once: connections, requests per connection, and bytes of bodies, in total and
// per address. Reads no body.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server, Socket } from 'node:net'
import { networkOf } from '../auth/failure-guard.ts'
import { createCounters } from '../core/counters.ts'
import type { Logger } from '../core/logger.ts'
import type { BodyBounds, HttpLimits } from './http-limits.ts'
import { HttpRefusal, overloaded } from './http-refusal.ts'
import type { TrustedProxies } from './trusted-proxies.ts'

export type Intake = {
  /** Bounds the server's connections from now on. */
  watch(server: Server): void
  /** Counts a request until it is answered. Throws when its connection has too many unanswered ones. */
  enter(request: IncomingMessage, response: ServerResponse): void
  /** The answer in progress on a connection: that of its newest request. */
  responseOn(socket: Socket): ServerResponse | null
  /** Counts the bytes of a body as they arrive, until it is answered. Throws when the bound is reached. */
  countBody(message: Message): void
}

export type Message = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** The client's address. */
  readonly address: string
  readonly isCallerKnown: boolean
}

type Connection = { waiting: number; response: ServerResponse | null }

/** The interval between two log lines about the same bound. */
const LOG_INTERVAL_MS = 60_000

export function createIntake(options: {
  readonly limits: HttpLimits
  readonly trusted: TrustedProxies
  readonly logger: Logger
}): Intake {
  const { limits, trusted, logger } = options
  const connections = new WeakMap<Socket, Connection>()
  const perAddress = createCounters<string>()
  const callers = createBodies(limits.callers)
  const unauthenticated = createBodies(limits.unauthenticated)
  const note = createNote(logger)

  function connectionOf(socket: Socket): Connection {
    let connection = connections.get(socket)
    if (connection === undefined) {
      connection = { waiting: 0, response: null }
      connections.set(socket, connection)
    }
    return connection
  }

  return {
    watch(server) {
      server.maxConnections = limits.connectionsMax
      server.on('drop', () => note('connections were refused: there were too many at once'))
      server.on('connection', (socket: Socket) => {
        const { remoteAddress } = socket
        const network = trusted.has(remoteAddress) ? null : networkOf(remoteAddress ?? '')
        if (network === null) return
        const count = perAddress.add(network, 1)
        socket.once('close', () => perAddress.add(network, -1))
        if (count <= limits.connectionsPerAddressMax) return
        note('connections were refused: there were too many at once from one address')
        socket.destroy()
      })
    },
    enter(request, response) {
      const connection = connectionOf(request.socket)
      connection.waiting += 1
      connection.response = response
      response.once('close', () => {
        connection.waiting -= 1
        // Otherwise the next invalid request would count as one whose answer has begun.
        if (connection.response === response) connection.response = null
      })
      if (connection.waiting > limits.requestsPerConnectionMax) {
        response.shouldKeepAlive = false
        throw tooMuch('too many requests wait for their answers on this connection')
      }
    },
    responseOn: (socket) => connections.get(socket)?.response ?? null,
    countBody({ request, response, address, isCallerKnown }) {
      const { headers } = request
      if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) return
      const bodies = isCallerKnown ? callers : unauthenticated
      const network = networkOf(address)
      bodies.admit(network)
      let bytes = 0
      request.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bodies.add(network, chunk.length)) return
        note('requests were broken off: too many bytes of bodies waited')
        request.destroy()
      })
      response.once('close', () => bodies.remove(network, bytes))
    },
  }
}

function createBodies({ bytesMax, bytesPerAddressMax }: BodyBounds) {
  const perAddress = createCounters<string>()
  let total = 0
  return {
    /** Throws when the bound is reached already. */
    admit(network: string): void {
      if (perAddress.get(network) >= bytesPerAddressMax) {
        throw tooMuch('too much is being sent from here at once: try again shortly')
      }
      if (total >= bytesMax) throw overloaded('too much is being sent at once: try again shortly')
    },
    /** False when the bound is exceeded. */
    add(network: string, bytes: number): boolean {
      total += bytes
      const own = perAddress.add(network, bytes)
      return total <= bytesMax && own <= bytesPerAddressMax
    },
    remove(network: string, bytes: number): void {
      total -= bytes
      perAddress.add(network, -bytes)
    },
  }
}

function tooMuch(message: string): HttpRefusal {
  return new HttpRefusal(429, message, 'RATE_LIMITED', { retryAfterSeconds: 1 })
}

/** Under attack a log line per refusal would fill the disk. */
function createNote(logger: Logger): (message: string) => void {
  const noted = new Map<string, number>()
  return (message) => {
    const nowMs = performance.now()
    if (nowMs - (noted.get(message) ?? Number.NEGATIVE_INFINITY) < LOG_INTERVAL_MS) return
    noted.set(message, nowMs)
    logger.warn(message)
  }
}
