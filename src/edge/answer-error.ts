// Answers errors outside /graphql, including Fastify's own errors and those of sockets: masked, in the form and with
// the headers of /graphql. Also adds the headers that every answer carries.

import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from '../core/logger.ts'
import type { CrossOrigin } from './cross-origin.ts'
import { HttpRefusal, refusalOf } from './http-refusal.ts'
import { createErrorMask, retryAfterSecondsOf, STATUS_OF } from './mask-errors.ts'

/** In every 401. */
export const CHALLENGE = 'Bearer realm="bulkhead"'
/** The body of a refused request is read to its end below this size; a larger one closes the connection. */
const DISCARDED_BODY_BYTES_MAX = 64 * 1_024

export type ErrorAnswer = (error: Error, request: FastifyRequest, reply: FastifyReply) => FastifyReply

export function createErrorAnswer(logger: Logger): ErrorAnswer {
  const mask = createErrorMask({ hideSuggestions: true, logger })
  return (error, request, reply) => {
    const refusal = refusalOf(error)
    const errors = mask([refusal ?? error], request.id)
    const code = errors[0]?.extensions.code ?? 'INTERNAL'
    const retryAfterSeconds = retryAfterSecondsOf(errors)
    if (code === 'UNAUTHENTICATED') reply.header('www-authenticate', CHALLENGE)
    if (retryAfterSeconds !== null) reply.header('retry-after', String(retryAfterSeconds))
    closeAfterLargeBody(request, reply)
    return reply.code(refusal?.status ?? STATUS_OF[code]).send({ errors })
  }
}

/** The headers of every answer. A route may allow caching of its answers. */
export function addCommonHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply
    .header('x-request-id', request.id)
    .header('x-content-type-options', 'nosniff')
    .header('cache-control', 'no-store')
}

/** For a refusal before the body was read, so that the client does not send the rest. */
export function closeAfterLargeBody({ raw }: FastifyRequest, reply: FastifyReply): void {
  if (raw.complete) return
  const isChunked = raw.headers['transfer-encoding'] !== undefined
  if (!isChunked && !(Number(raw.headers['content-length']) > DISCARDED_BODY_BYTES_MAX)) return
  reply.header('connection', 'close')
}

/** `rawPacket`: what was being read. */
type SocketError = Error & { readonly code?: string; readonly rawPacket?: unknown }

const SOCKET_REFUSALS: ReadonlyMap<string, HttpRefusal> = new Map([
  ['ERR_HTTP_REQUEST_TIMEOUT', new HttpRefusal(408, 'the request did not come in time')],
  ['HPE_HEADER_OVERFLOW', new HttpRefusal(431, 'the headers are too large')],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', new HttpRefusal(413, 'the body is too large')],
])
const UNREADABLE = new HttpRefusal(400, 'the request could not be read')

/**
 * Answers bytes that are not a valid HTTP request, and closes the connection. `response` is the answer in progress on
 * it, if any: once that has begun, no error can be sent.
 */
export function answerSocketError(
  error: SocketError,
  socket: Socket,
  {
    requestId,
    response,
    crossOrigin,
  }: {
    readonly requestId: string
    readonly response: ServerResponse | null
    readonly crossOrigin: CrossOrigin
  },
): void {
  if (error.code === 'ECONNRESET' || !socket.writable || response?.headersSent === true) {
    socket.destroy()
    return
  }
  const { status, message, code } = SOCKET_REFUSALS.get(error.code ?? '') ?? UNREADABLE
  const body = JSON.stringify({ errors: [{ message, extensions: { code, requestId } }] })
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    'x-content-type-options: nosniff',
    'cache-control: no-store',
    ...Object.entries(crossOrigin.headersFor(originOf(error, response))).map(
      ([name, value]) => `${name}: ${value}`,
    ),
    'connection: close',
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  socket.destroySoon()
}

/** The Origin header of a request that could not be read to its end, if it can be found. */
function originOf({ rawPacket }: SocketError, response: ServerResponse | null): string | undefined {
  if (response !== null) return response.req.headers.origin
  const text = Buffer.isBuffer(rawPacket) ? rawPacket.toString('latin1') : ''
  return /\r\norigin:[ \t]*(\S+)\r\n/i.exec(text)?.[1]
}
