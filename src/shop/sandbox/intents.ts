// Payment intents: https://docs.stripe.com/api/payment_intents. An intent is confirmed until it succeeds or is
// cancelled.
import { type Account, change, load, makeId, seconds } from './account.ts'
import { amountOf, currencyOf } from './amounts.ts'
import { makeFailedCharge, makePaidCharge } from './charges.ts'
import { openDispute } from './disputes.ts'
import { emit } from './events.ts'
import { group, type Params, text } from './form.ts'
import { type Decline, PAYMENT_METHODS, type PaymentMethod } from './payment-methods.ts'
import { invalid, Problem, type ProblemBody } from './problem.ts'
import type { Stored } from './store.ts'

const DECLINED_LATER: Decline = {
  code: 'card_declined',
  declineCode: 'generic_decline',
  message: 'The bank declined the payment.',
}

export const FINISH_INTENT = 'finish-intent'

export function createIntent(account: Account, params: Params): Stored {
  const amount = amountOf(params)
  const currency = currencyOf(params)
  const method = text(params, 'payment_method')
  if (method !== null) methodOf(method)
  const id = makeId('pi')
  const intent: Stored = {
    id,
    object: 'payment_intent',
    amount,
    amount_capturable: 0,
    amount_received: 0,
    automatic_payment_methods: params.automatic_payment_methods === undefined ? null : { enabled: true },
    canceled_at: null,
    cancellation_reason: null,
    capture_method: 'automatic',
    client_secret: `${id}_secret_${makeId('s')}`,
    confirmation_method: 'automatic',
    created: seconds(account),
    currency,
    customer: null,
    description: text(params, 'description'),
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    metadata: group(params, 'metadata'),
    next_action: null,
    payment_method: method,
    payment_method_types: ['card'],
    return_url: returnUrlOf(params),
    status: method === null ? 'requires_payment_method' : 'requires_confirmation',
  }
  account.store.save(account.id, intent)
  emit(account, 'payment_intent.created', intent)
  return text(params, 'confirm') === 'true' ? confirm(account, intent) : intent
}

export function confirmIntent(account: Account, id: string, params: Params): Stored {
  const intent = load(account, 'payment_intent', id)
  const method = text(params, 'payment_method') ?? (intent.payment_method as string | null)
  if (!['requires_confirmation', 'requires_payment_method'].includes(String(intent.status))) {
    throw unexpectedState(intent, 'confirm')
  }
  const changed = {
    payment_method: method,
    return_url: returnUrlOf(params) ?? intent.return_url,
    last_payment_error: null,
  }
  return confirm(account, change(account, intent, changed))
}

function returnUrlOf(params: Params): string | null {
  const given = text(params, 'return_url')
  if (given !== null && !URL.canParse(given)) throw invalid('Not a valid URL', 'return_url', 'url_invalid')
  return given
}

function confirm(account: Account, intent: Stored): Stored {
  if (typeof intent.payment_method !== 'string')
    throw invalid('A payment method is needed.', 'payment_method')
  const { charge } = methodOf(intent.payment_method)
  switch (charge.outcome) {
    case 'SUCCEEDS':
      return succeed(account, intent)
    case 'DECLINED':
      throw cardProblem(fail(account, intent, charge.decline))
    case 'PROCESSES':
      account.store.addTimer(
        { account: account.id, action: FINISH_INTENT, subject: intent.id },
        account.nowMs + account.settings.processingDelayMs,
      )
      return announced(account, change(account, intent, { status: 'processing' }))
    case 'ASKS_THE_BUYER': {
      if (intent.return_url === null) {
        const decline = {
          code: 'authentication_required',
          declineCode: 'authentication_required',
          message: 'The buyer has to confirm this payment, and no return_url was given.',
        }
        throw cardProblem(fail(account, intent, decline))
      }
      const url = `${account.url}/authenticate/${account.id}/${intent.id}`
      const next = { type: 'redirect_to_url', redirect_to_url: { url, return_url: intent.return_url } }
      return announced(account, change(account, intent, { status: 'requires_action', next_action: next }))
    }
  }
}

/** The outcome of a processing payment method. An intent whose state changed meanwhile is left alone. */
export function finishIntent(account: Account, id: string): void {
  const intent = account.store.find(account.id, id)
  if (intent?.status !== 'processing') return
  const { charge } = methodOf(String(intent.payment_method))
  if (charge.outcome === 'PROCESSES' && charge.end === 'FAILS') fail(account, intent, DECLINED_LATER)
  else succeed(account, intent)
}

/** The buyer's answer to their bank. Returns the intent; one that no longer waits for the buyer is unchanged. */
export function authenticate(account: Account, id: string, approved: boolean): Stored {
  const intent = load(account, 'payment_intent', id)
  if (intent.status !== 'requires_action') return intent
  if (approved) return succeed(account, intent)
  return fail(account, intent, {
    code: 'payment_intent_authentication_failure',
    declineCode: '',
    message: 'The buyer did not confirm the payment.',
  })
}

export function cancelIntent(account: Account, id: string, params: Params): Stored {
  const intent = load(account, 'payment_intent', id)
  if (['succeeded', 'canceled', 'processing'].includes(String(intent.status))) {
    throw unexpectedState(intent, 'cancel')
  }
  return announced(
    account,
    change(account, intent, {
      status: 'canceled',
      canceled_at: seconds(account),
      cancellation_reason: text(params, 'cancellation_reason'),
      next_action: null,
    }),
  )
}

function succeed(account: Account, intent: Stored): Stored {
  const charge = makePaidCharge(account, intent)
  const { dispute } = methodOf(String(intent.payment_method))
  // Stripe sends the dispute's event before the payment's.
  if (dispute !== undefined) openDispute(account, charge, dispute)
  return announced(
    account,
    change(account, intent, {
      status: 'succeeded',
      amount_received: intent.amount,
      latest_charge: charge.id,
      next_action: null,
      last_payment_error: null,
    }),
  )
}

/** The payment method was refused and another is needed. The refused one appears only in the error. */
function fail(account: Account, intent: Stored, decline: Decline): Stored {
  const charge = makeFailedCharge(account, intent, decline)
  return announced(
    account,
    change(account, intent, {
      status: 'requires_payment_method',
      latest_charge: charge.id,
      next_action: null,
      payment_method: null,
      last_payment_error: {
        ...errorOf(decline),
        charge: charge.id,
        payment_method: { id: intent.payment_method, object: 'payment_method', type: 'card' },
      },
    }),
  )
}

const EVENT_OF_STATUS: Readonly<Record<string, string>> = {
  succeeded: 'payment_intent.succeeded',
  requires_payment_method: 'payment_intent.payment_failed',
  processing: 'payment_intent.processing',
  requires_action: 'payment_intent.requires_action',
  canceled: 'payment_intent.canceled',
}

function announced(account: Account, intent: Stored): Stored {
  const type = EVENT_OF_STATUS[String(intent.status)]
  if (type !== undefined) emit(account, type, intent)
  return intent
}

export function methodOf(id: string): PaymentMethod {
  const method = Object.hasOwn(PAYMENT_METHODS, id) ? PAYMENT_METHODS[id] : undefined
  if (method === undefined)
    throw invalid(`No such PaymentMethod: '${id}'`, 'payment_method', 'resource_missing')
  return method
}

function errorOf({ code, declineCode, message }: Decline): ProblemBody {
  return {
    type: 'card_error',
    code,
    ...(declineCode !== '' && { decline_code: declineCode }),
    message,
  }
}

/** The error of a failed intent. */
function cardProblem(intent: Stored): Problem {
  const error = intent.last_payment_error as ProblemBody
  return new Problem(402, { ...error, payment_intent: intent }, { isKept: true })
}

function unexpectedState(intent: Stored, verb: string): Problem {
  const message = `You cannot ${verb} this PaymentIntent because it has a status of ${String(intent.status)}.`
  const code = 'payment_intent_unexpected_state'
  return new Problem(400, { type: 'invalid_request_error', code, message, payment_intent: intent })
}
