// POST /webhooks/in/:endpoint: what payment providers send. The body is kept as the bytes that came, since those are what
// was signed. What they mean is the payments domain's.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../core/clock.ts'
import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Database } from '../db/database.ts'
import type { Services } from '../graphql/context.ts'
import { receiveEvent } from '../payments/receive-event.ts'

export type WebhookOptions = {
  readonly database: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly services: Services
}

const BODY_BYTES_MAX = 512 * 1_024
/** Providers take 4xx for "never again" and 5xx for "again later"; a signature that fails is told apart from both. */
const SIGNATURE_HEADER = 'stripe-signature'

/** Adds the route, with a parser of its own that takes every content type for bytes. */
export function addWebhookRoute(app: FastifyInstance, options: WebhookOptions): void {
  const { database, clock, logger, services } = options

  async function handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { endpoint } = request.params as { endpoint: string }
    const signature = request.headers[SIGNATURE_HEADER]
    if (typeof signature !== 'string' || !Buffer.isBuffer(request.body)) {
      throw new AppError('BAD_USER_INPUT', 'This is no signed event.')
    }
    const received = await receiveEvent(
      { ...services.payments, database, clock, logger },
      { endpoint, rawBody: request.body, signature, requestId: request.id },
    )
    return reply.send({ received: true, ...received })
  }

  void app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: BODY_BYTES_MAX },
      (_request, body, parsed) => parsed(null, body),
    )
    scope.post('/webhooks/in/:endpoint', handle)
    done()
  })
}
