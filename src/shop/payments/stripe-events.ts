// Stripe's signed events: whether one is genuine and of now, and what it is about. Whatever is in a signed body, it can be
// read: as an event of which nothing is known, in the worst case.
import { createHash, createHmac } from 'node:crypto'
import Stripe from 'stripe'
import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import type { EventAccount, EventSubject, IncomingEvent, SignedBody } from './provider.ts'
import {
  disputeSchema,
  intentSchema,
  payoutSchema,
  referenceSchema,
  refundSchema,
  timeSchema,
} from './stripe-objects.ts'
import {
  chargeNoticeOf,
  chargeVerdictOf,
  disputeNoticeOf,
  payoutNoticeOf,
  refundNoticeOf,
  refundVerdictOf,
} from './stripe-verdicts.ts'

const TOLERANCE_SECONDS = 300
/** Of what the log is told of a body that could not be read. */
const DETAIL_LENGTH_MAX = 500

/** What we ask to be told, all of which SUBJECTS reads. */
export const EVENT_TYPES = [
  'payment_intent.succeeded',
  'payment_intent.payment_failed',
  'payment_intent.processing',
  'payment_intent.requires_action',
  'payment_intent.canceled',
  'refund.created',
  'refund.updated',
  'refund.failed',
  'payout.paid',
  'payout.failed',
  'charge.dispute.created',
  'charge.dispute.updated',
  'charge.dispute.closed',
  'charge.dispute.funds_withdrawn',
  'charge.dispute.funds_reinstated',
] as const satisfies Stripe.WebhookEndpointCreateParams.EnabledEvent[]

/** The library takes a signature of text. Taken of the bytes instead, no two bodies have one: it would replace bytes that are no UTF-8. */
const ofBytes: Stripe.CryptoProvider = Object.assign(Stripe.createNodeCryptoProvider(), {
  computeHMACSignature: (latin1: string, secret: string) =>
    createHmac('sha256', secret).update(latin1, 'latin1').digest('hex'),
})

/** As ProviderGateway.readEvent. */
export function readSignedEvent(
  { webhookSecrets, liveMode }: EventAccount,
  { rawBody, signature, now }: SignedBody,
): IncomingEvent {
  const nowSeconds = Math.floor(now.getTime() / 1_000)
  if (!webhookSecrets.some((secret) => isSigned(rawBody, signature, secret, now))) throw notSigned()
  // The library minds only the past. Of several times it takes the last one, too.
  const signedAtSeconds = Number([...signature.matchAll(/(?:^|,)t=(\d+)/g)].at(-1)?.[1])
  if (!(signedAtSeconds <= nowSeconds + TOLERANCE_SECONDS)) throw notSigned()
  return readEventBody({ liveMode }, { body: rawBody, receivedAt: now })
}

function isSigned(rawBody: Uint8Array, signature: string, secret: string, now: Date): boolean {
  try {
    return (
      Stripe.webhooks.signature?.verifyHeader(
        Buffer.from(rawBody).toString('latin1'),
        signature,
        secret,
        TOLERANCE_SECONDS,
        ofBytes,
        now.getTime(),
      ) === true
    )
  } catch {
    // The library throws for what does not fit, and other errors for headers that are none.
    return false
  }
}

/** Each part by itself: an event of which one part is odd is kept under what the others say. */
const envelopeSchema = z.object({
  id: referenceSchema.nullable().catch(null),
  type: z
    .string()
    .regex(/^[a-z0-9_.-]{1,255}$/i)
    .nullable()
    .catch(null),
  created: timeSchema.nullable().catch(null),
  livemode: z.boolean().optional(),
  account: z.unknown().optional(),
  data: z.object({ object: z.unknown().optional() }),
})

const UNKNOWN_TYPE = 'unknown'

/** As ProviderGateway.readStoredEvent. */
export function readEventBody(
  account: Pick<EventAccount, 'liveMode'>,
  { body, receivedAt }: { readonly body: Uint8Array; readonly receivedAt: Date },
): IncomingEvent {
  const parsed = readable(() => JSON.parse(Buffer.from(body).toString('utf8')) as unknown)
  const envelope = envelopeSchema.safeParse('value' in parsed ? parsed.value : null)
  const { id = null, type = null, created = null } = envelope.data ?? {}
  const occurredAt = created === null ? receivedAt : new Date(created * 1_000)
  const isWhole = envelope.success && id !== null && type !== null && created !== null
  const subject = isWhole ? subjectIn({ ...envelope.data, type, occurredAt }, account) : unreadable(parsed)
  return {
    // The same body is the same event, also where it does not say which.
    reference: id ?? `sha256_${createHash('sha256').update(body).digest('hex')}`,
    type: type ?? UNKNOWN_TYPE,
    occurredAt,
    body,
    subject,
  }
}

type Envelope = z.output<typeof envelopeSchema> & { readonly type: string; readonly occurredAt: Date }

function subjectIn(event: Envelope, account: Pick<EventAccount, 'liveMode'>): EventSubject {
  const read = SUBJECTS.get(event.type)
  if (read === undefined || isForeign(event, account)) return { kind: 'OTHER' }
  const subject = readable(() => read(event.data.object, event.occurredAt))
  return 'value' in subject ? subject.value : unreadable(subject)
}

/**
 * Of the other mode, or of an account that is connected to this one: an endpoint that a merchant made may tell of both.
 * Such an event is kept and has no effect, since others than the merchant can bring it about.
 */
function isForeign({ account, livemode }: Envelope, { liveMode }: Pick<EventAccount, 'liveMode'>): boolean {
  return account != null || (livemode ?? liveMode) !== liveMode
}

/** By type; each reads the event's object, as it was at that time, by its schema, and throws for what is not as it should be. */
const SUBJECTS: ReadonlyMap<string, (object: unknown, at: Date) => EventSubject> = new Map([
  ...['succeeded', 'payment_failed', 'processing', 'requires_action', 'canceled'].map(
    (what) => [`payment_intent.${what}`, chargeIn] as const,
  ),
  ...['refund.created', 'refund.updated', 'refund.failed', 'charge.refund.updated'].map(
    (type) => [type, refundIn] as const,
  ),
  ...['payout.paid', 'payout.failed'].map((type) => [type, payoutIn] as const),
  ...['created', 'updated', 'closed', 'funds_withdrawn', 'funds_reinstated'].map(
    (what) => [`charge.dispute.${what}`, disputeIn] as const,
  ),
])

function chargeIn(object: unknown): EventSubject {
  const intent = intentSchema.parse(object)
  return { kind: 'CHARGE', charge: chargeNoticeOf(intent), verdict: chargeVerdictOf(intent) }
}

function refundIn(object: unknown): EventSubject {
  const refund = refundSchema.parse(object)
  return { kind: 'REFUND', refund: refundNoticeOf(refund), verdict: refundVerdictOf(refund) }
}

function payoutIn(object: unknown): EventSubject {
  return { kind: 'PAYOUT', payout: payoutNoticeOf(payoutSchema.parse(object)) }
}

function disputeIn(object: unknown, at: Date): EventSubject {
  return { kind: 'DISPUTE', dispute: disputeNoticeOf(disputeSchema.parse(object), at) }
}

type Attempt<T> = { readonly value: T } | { readonly detail: string }

function readable<T>(read: () => T): Attempt<T> {
  try {
    return { value: read() }
  } catch (error) {
    return { detail: (error instanceof Error ? error.message : String(error)).slice(0, DETAIL_LENGTH_MAX) }
  }
}

function unreadable(attempt: Attempt<unknown>): EventSubject {
  return { kind: 'UNREADABLE', detail: 'detail' in attempt ? attempt.detail : 'it is no event' }
}

function notSigned(): AppError {
  return new AppError('UNAUTHENTICATED', 'The signature is not valid.')
}
