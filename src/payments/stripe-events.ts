// Stripe's signed events: whether one is genuine and of now, and what it is about.
import Stripe from 'stripe'
import { AppError } from '../core/errors.ts'
import type { EventSubject, IncomingEvent } from './provider.ts'
import {
  chargeVerdictOf,
  PAYMENT_KEY,
  payoutNoticeOf,
  REFUND_KEY,
  refundVerdictOf,
} from './stripe-verdicts.ts'

const TOLERANCE_SECONDS = 300

/** What we ask to be told, all of which subjectOf reads. */
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
] as const satisfies Stripe.WebhookEndpointCreateParams.EnabledEvent[]

/** Whose events they are. */
export type EventAccount = { readonly webhookSecret: string; readonly liveMode: boolean }

/**
 * The event in a signed body. Throws UNAUTHENTICATED for a signature that is not of this secret, or more than five
 * minutes off in either direction; BAD_USER_INPUT for a body that is no event.
 */
export function readSignedEvent(
  account: EventAccount,
  signed: { readonly rawBody: Uint8Array; readonly signature: string; readonly now: Date },
): IncomingEvent {
  const { rawBody, signature, now } = signed
  const nowSeconds = Math.floor(now.getTime() / 1_000)
  let event: Stripe.Event
  try {
    event = Stripe.webhooks.constructEvent(
      Buffer.from(rawBody),
      signature,
      account.webhookSecret,
      TOLERANCE_SECONDS,
      undefined,
      now.getTime(),
    )
  } catch (error) {
    throw error instanceof SyntaxError ? noEvent(error) : notSigned(error)
  }
  // The library minds only the past. Of several times it takes the last one, too.
  const signedAtSeconds = Number([...signature.matchAll(/(?:^|,)t=(\d+)/g)].at(-1)?.[1])
  if (!(signedAtSeconds <= nowSeconds + TOLERANCE_SECONDS)) throw notSigned(null)
  return readEventObject(event, account)
}

/** The same of an event whose signature was checked when it came. */
export function readEventObject(value: unknown, { liveMode }: Pick<EventAccount, 'liveMode'>): IncomingEvent {
  const event = value as Partial<Stripe.Event> | null
  if (
    typeof event?.id !== 'string' ||
    typeof event.type !== 'string' ||
    typeof event.created !== 'number' ||
    typeof event.data?.object !== 'object'
  ) {
    throw noEvent(null)
  }
  return {
    reference: event.id,
    type: event.type,
    occurredAt: new Date(event.created * 1_000),
    payload: value,
    subject: isForeign(event, liveMode)
      ? { kind: 'OTHER' }
      : readable(() => subjectOf(event as Stripe.Event)),
  }
}

/**
 * Of the other mode, or of an account that is connected to this one: an endpoint that a merchant made may tell of both.
 * Such an event is kept and has no effect, since others than the merchant can bring it about.
 */
function isForeign({ account, livemode }: Partial<Stripe.Event>, liveMode: boolean): boolean {
  return account != null || (livemode ?? liveMode) !== liveMode
}

/** An event that is signed is kept, whatever is in it. */
function readable(read: () => EventSubject): EventSubject {
  try {
    return read()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { kind: 'UNREADABLE', reason: `the event could not be read: ${reason}` }
  }
}

function subjectOf(event: Stripe.Event): EventSubject {
  switch (event.type) {
    case 'payment_intent.succeeded':
    case 'payment_intent.payment_failed':
    case 'payment_intent.processing':
    case 'payment_intent.requires_action':
    case 'payment_intent.canceled': {
      const intent = event.data.object
      return {
        kind: 'CHARGE',
        paymentId: intent.metadata?.[PAYMENT_KEY] ?? null,
        verdict: chargeVerdictOf(intent),
      }
    }
    case 'refund.created':
    case 'refund.updated':
    case 'refund.failed':
    case 'charge.refund.updated': {
      const refund = event.data.object
      return {
        kind: 'REFUND',
        refundId: refund.metadata?.[REFUND_KEY] ?? null,
        verdict: refundVerdictOf(refund),
      }
    }
    case 'payout.paid':
    case 'payout.failed':
      return { kind: 'PAYOUT', payout: payoutNoticeOf(event.data.object) }
    default:
      return { kind: 'OTHER' }
  }
}

function notSigned(cause: unknown): AppError {
  return new AppError('UNAUTHENTICATED', 'The signature is not valid.', {}, { cause })
}

function noEvent(cause: unknown): AppError {
  return new AppError('BAD_USER_INPUT', 'This is no event.', {}, { cause })
}
