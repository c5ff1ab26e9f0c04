// POST /webhooks/in/:endpoint: receives payment providers' events; anybody can send to it. The body is kept as the
// received bytes, since those are signed. open-delivery.ts and receive-event.ts process it.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { createFailureGuard } from '../../../auth/failure-guard.ts'
import { AppError } from '../../../core/errors.ts'
import { WEBHOOK_BODY_BYTES_MAX } from '../../../edge/http-limits.ts'
import { HttpRefusal } from '../../../edge/http-refusal.ts'
import type { Route, RouteOptions } from '../../../edge/http-server.ts'
import { parseEndpoint } from '../provider-account/endpoint.ts'
import { looksSigned } from './looks-signed.ts'
import { type Delivery, type IncomingMessage, openDelivery } from './open-delivery.ts'
import { receiveEvent } from './receive-event.ts'

/**
 * The bound of what a tenant's accounts may store in an hour: about 16,000 payment events. Anybody who has an account's
 * secret can sign anything, and it is stored for good. Beyond the bound the provider is told to send again later, which
 * it does for days.
 */
const KEPT_BYTES_PER_HOUR_MAX = 64 * 1_024 * 1_024
/** The cost of a row and its indexes, however short the event. */
const EVENT_BYTES_MIN = 1_024
const HOUR_SECONDS = 3_600
const SIGNATURE_HEADER = 'stripe-signature'
/** The endpoints with a recent valid delivery. */
const GOOD_ENDPOINTS_MAX = 1_000

/**
 * The route, with a parser of its own that reads every content type as bytes. `bytesPerHourMax`: signed bytes per
 * tenant. Default: KEPT_BYTES_PER_HOUR_MAX.
 */
export function webhookRoute({ bytesPerHourMax = KEPT_BYTES_PER_HOUR_MAX } = {}): Route {
  return (app, options) => addWebhookRoute(app, options, bytesPerHourMax)
}

function addWebhookRoute(
  app: FastifyInstance,
  { database, clock, logger, services }: RouteOptions,
  bytesPerHourMax: number,
): undefined {
  const payments = { ...services.payments, database, clock, logger }
  const open = createOpener((message) => openDelivery(payments, message))
  const kept = createKeptBytes(bytesPerHourMax)

  async function handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { endpoint, signature } = addressOf(request)
    const rawBody = request.body
    if (!Buffer.isBuffer(rawBody)) throw notSigned('BAD_USER_INPUT')
    const delivery = await open(request.ip, { endpoint, rawBody, signature })
    if (delivery === null) throw notSigned('UNAUTHENTICATED')
    await kept.admit(delivery.tenant.tenantId, rawBody.length)
    const received = await receiveEvent(payments, delivery, request.id)
    return reply.send({ received: true, ...received })
  }

  void app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: WEBHOOK_BODY_BYTES_MAX },
      (_request, body, parsed) => parsed(null, body),
    )
    scope.post('/webhooks/in/:endpoint', { onRequest: refuseEarly, handler: handle })
    done()
  })
}

/** The checks that need no body. Whether the account exists is not checked here, since the answer would reveal it. */
async function refuseEarly(request: FastifyRequest): Promise<void> {
  addressOf(request)
  if (Number(request.headers['content-length']) > WEBHOOK_BODY_BYTES_MAX) {
    throw new HttpRefusal(413, 'the body is too large')
  }
}

function addressOf({ params, headers }: FastifyRequest): { endpoint: string; signature: string } {
  const { endpoint } = params as { endpoint: string }
  if (parseEndpoint(endpoint) === null) throw new AppError('NOT_FOUND', 'There is no such endpoint.')
  const signature = headers[SIGNATURE_HEADER]
  if (typeof signature !== 'string') throw notSigned('BAD_USER_INPUT')
  if (!looksSigned(signature)) throw notSigned('UNAUTHENTICATED')
  return { endpoint, signature }
}

type Open = (address: string, message: IncomingMessage) => Promise<Delivery | null>

/**
 * Opens deliveries. After too many invalid signatures from an address, only a message signed with the secret of an
 * earlier valid delivery has its account looked up: a flood then costs the database nothing, and honest deliveries to
 * an endpoint with an earlier one still pass.
 */
function createOpener(lookUp: (message: IncomingMessage) => Promise<Delivery | null>): Open {
  const guard = createFailureGuard({ what: 'signatures' })
  const good = new LRUCache<string, Delivery['isSigned']>({ max: GOOD_ENDPOINTS_MAX })
  return async (address, message) => {
    const { endpoint } = message
    try {
      const delivery = await guard.attempt({ address, subject: endpoint }, () => lookUp(message))
      if (delivery !== null) good.set(endpoint, delivery.isSigned)
      return delivery
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'RATE_LIMITED')) throw error
      if (good.get(endpoint)?.(message) !== true) throw error
      return await lookUp(message)
    }
  }
}

/** Counts the stored bytes per tenant, in this process only. */
function createKeptBytes(bytesPerHourMax: number) {
  const limiter = new RateLimiterMemory({ points: bytesPerHourMax, duration: HOUR_SECONDS })
  return {
    /** Throws RATE_LIMITED, with `retryAfterSeconds`. */
    async admit(tenantId: string, bytes: number): Promise<void> {
      try {
        await limiter.consume(tenantId, Math.max(bytes, EVENT_BYTES_MIN))
      } catch (refusal) {
        if (!(refusal instanceof RateLimiterRes)) throw refusal
        throw new AppError('RATE_LIMITED', 'too many events for now: send this one again later', {
          retryAfterSeconds: Math.max(1, Math.ceil(refusal.msBeforeNext / 1_000)),
        })
      }
    },
  }
}

/** The same answer for an account that does not exist. */
function notSigned(code: 'BAD_USER_INPUT' | 'UNAUTHENTICATED'): AppError {
  return code === 'BAD_USER_INPUT'
    ? new AppError(code, 'This is not a signed event.')
    : new AppError(code, 'The signature is not valid.')
}
