// Refunds of charges: https://docs.stripe.com/api/refunds. For some payment methods they are delayed or fail.
import { type Account, change, load, makeId, seconds } from './account.ts'
import { amountOf } from './amounts.ts'
import { bookTransaction } from './charges.ts'
import { withdrawnOf } from './disputes.ts'
import { emit } from './events.ts'
import { group, type Params, text } from './form.ts'
import { methodOf } from './intents.ts'
import { invalid, required } from './problem.ts'
import type { Stored } from './store.ts'

const REASONS: ReadonlySet<string> = new Set(['duplicate', 'fraudulent', 'requested_by_customer'])

export const FINISH_REFUND = 'finish-refund'

export function createRefund(account: Account, params: Params): Stored {
  const charge = chargeOf(account, params)
  const left = Number(charge.amount) - Number(charge.amount_refunded)
  if (charge.status !== 'succeeded') throw invalid('This charge did not succeed, and cannot be refunded.')
  if (left === 0) throw invalid('Charge has already been refunded.', 'charge', 'charge_already_refunded')
  const reason = text(params, 'reason')
  if (reason !== null && !REASONS.has(reason)) throw invalid(`Invalid reason: ${reason}`, 'reason')
  // The buyer has already received what a dispute withdrew.
  const refundable = left - withdrawnOf(account, charge)
  const amount = params.amount === undefined ? refundable : amountOf(params)
  if (amount > left) {
    throw invalid(`Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`, 'amount')
  }
  if (refundable <= 0 || amount > refundable) {
    const message = `Charge ${charge.id} has been charged back; cannot issue a refund.`
    throw invalid(message, 'charge', 'charge_disputed')
  }
  const takesAWhile = ['PENDING', 'FAILS'].includes(methodOf(String(charge.payment_method)).refund ?? '')
  const refund: Stored = {
    id: makeId('re'),
    object: 'refund',
    amount,
    balance_transaction: null,
    charge: charge.id,
    created: seconds(account),
    currency: charge.currency,
    metadata: group(params, 'metadata'),
    payment_intent: charge.payment_intent,
    reason,
    status: takesAWhile ? 'pending' : 'succeeded',
  }
  const transaction = bookTransaction(account, {
    amount: -amount,
    fee: 0,
    currency: String(charge.currency),
    source: refund.id,
    type: 'refund',
  })
  const booked = change(account, refund, { balance_transaction: transaction.id })
  moveRefunded(account, charge, amount)
  emit(account, 'refund.created', booked)
  if (takesAWhile) {
    const timer = { account: account.id, action: FINISH_REFUND, subject: refund.id }
    account.store.addTimer(timer, account.nowMs + account.settings.processingDelayMs)
  }
  return booked
}

/** The outcome of a delayed refund. */
export function finishRefund(account: Account, id: string): void {
  const refund = account.store.find(account.id, id)
  if (refund?.status !== 'pending') return
  const charge = load(account, 'charge', String(refund.charge))
  if (methodOf(String(charge.payment_method)).refund !== 'FAILS') {
    emit(account, 'refund.updated', change(account, refund, { status: 'succeeded' }))
    return
  }
  const amount = Number(refund.amount)
  const reversal = bookTransaction(account, {
    amount,
    fee: 0,
    currency: String(refund.currency),
    source: refund.id,
    type: 'refund_failure',
  })
  moveRefunded(account, charge, -amount)
  const failed = change(account, refund, {
    status: 'failed',
    failure_reason: 'expired_or_canceled_card',
    failure_balance_transaction: reversal.id,
  })
  emit(account, 'refund.failed', failed)
}

function chargeOf(account: Account, params: Params): Stored {
  const [intentId, chargeId] = [text(params, 'payment_intent'), text(params, 'charge')]
  if (intentId === null) {
    if (chargeId === null) throw required('payment_intent')
    return load(account, 'charge', chargeId, 'charge')
  }
  const { latest_charge: charge } = load(account, 'payment_intent', intentId, 'payment_intent')
  if (typeof charge !== 'string')
    throw invalid('This PaymentIntent has no charge to refund.', 'payment_intent')
  return load(account, 'charge', charge)
}

function moveRefunded(account: Account, charge: Stored, by: number): void {
  const refunded = Number(charge.amount_refunded) + by
  const changed = change(account, charge, {
    amount_refunded: refunded,
    refunded: refunded === Number(charge.amount),
  })
  if (by > 0) emit(account, 'charge.refunded', changed)
}
