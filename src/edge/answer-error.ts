// How the routes beside /graphql answer an error: masked, in the form and with the headers that /graphql has.
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from '../core/logger.ts'
import { createErrorMask, retryAfterSecondsOf, STATUS_OF } from './mask-errors.ts'

/** Of every 401. */
export const CHALLENGE = 'Bearer realm="bulkhead"'

export function createErrorAnswer(
  logger: Logger,
): (error: Error, request: FastifyRequest, reply: FastifyReply) => FastifyReply {
  const mask = createErrorMask({ hideSuggestions: true, logger })
  return (error, request, reply) => {
    const errors = mask([error], request.id)
    const code = errors[0]?.extensions.code ?? 'INTERNAL'
    const retryAfterSeconds = retryAfterSecondsOf(errors)
    if (code === 'UNAUTHENTICATED') reply.header('www-authenticate', CHALLENGE)
    if (retryAfterSeconds !== null) reply.header('retry-after', String(retryAfterSeconds))
    return reply.code(STATUS_OF[code]).header('cache-control', 'no-store').send({ errors })
  }
}
