// Stripe's signed events: whether one is genuine and of now, and what it is about.
import type Stripe from 'stripe'
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

/**
 * The event in a signed body. Throws UNAUTHENTICATED for a signature that is not of this secret, or more than five
 * minutes off in either direction; BAD_USER_INPUT for a body that is no event.
 */
export function readSignedEvent(
  stripe: Stripe,
  secret: string,
  signed: { readonly rawBody: Uint8Array; readonly signature: string; readonly now: Date },
): IncomingEvent {
  const { rawBody, signature, now } = signed
  const nowSeconds = Math.floor(now.getTime() / 1_000)
  const body = Buffer.from(rawBody)
  let event: Stripe.Event
  try {
    event = stripe.webhooks.constructEvent(
      body,
      signature,
      secret,
      TOLERANCE_SECONDS,
      undefined,
      now.getTime(),
    )
  } catch (error) {
    if (error instanceof SyntaxError) throw noEvent(error)
    throw notSigned(error)
  }
  // The library minds only the past.
  const signedAtSeconds = Number(/(?:^|,)t=(\d+)/.exec(signature)?.[1])
  if (!(signedAtSeconds <= nowSeconds + TOLERANCE_SECONDS)) throw notSigned(null)
  return readEventObject(event)
}

/** The same of an event whose signature was checked when it came. */
export function readEventObject(value: unknown): IncomingEvent {
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
    subject: readable(() => subjectOf(event as Stripe.Event)),
  }
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
