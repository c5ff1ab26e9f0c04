// Reads Stripe's events, whose signature signature.ts checks, and finds what each is about. Any signed body can be read;
// in the worst case as an unreadable event.
import { createHash } from 'node:crypto'
import type Stripe from 'stripe'
import { z } from 'zod'
import { AppError } from '../../../core/errors.ts'
import type { EventAccount, EventSubject, IncomingEvent, SignedBody } from '../provider.ts'
import {
  disputeSchema,
  intentSchema,
  payoutSchema,
  referenceSchema,
  refundSchema,
  timeSchema,
} from './objects.ts'
import { isSignedByOne } from './signature.ts'
import {
  chargeNoticeOf,
  chargeVerdictOf,
  disputeNoticeOf,
  payoutNoticeOf,
  refundNoticeOf,
  refundVerdictOf,
} from './verdicts.ts'

/** The bound of the log's detail about an unreadable body. */
const DETAIL_LENGTH_MAX = 500

/** The event types that we subscribe to. SUBJECTS reads each of them. */
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

/** See ProviderGateway.readEvent. */
export function readSignedEvent(
  { webhookSecrets, liveMode }: EventAccount,
  signed: SignedBody,
): IncomingEvent {
  if (!isSignedByOne(webhookSecrets, signed))
    throw new AppError('UNAUTHENTICATED', 'The signature is not valid.')
  return readEventBody({ liveMode }, { body: signed.rawBody, receivedAt: signed.now })
}

/** Each field is checked alone, so that an event with one malformed field keeps the others. */
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

/** See ProviderGateway.readStoredEvent. */
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
    // Without an id, the body identifies the event.
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
 * An event of the other mode (live or test), or of an account connected to this one, which an endpoint that a merchant
 * made may also report. It is stored without effect, since others than the merchant can cause it.
 */
function isForeign({ account, livemode }: Envelope, { liveMode }: Pick<EventAccount, 'liveMode'>): boolean {
  return account != null || (livemode ?? liveMode) !== liveMode
}

/**
 * By event type. Each reads the event's object at that time by its schema, and throws for an object that does not fit.
 */
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
