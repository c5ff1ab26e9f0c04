// Charges and balance transactions: https://docs.stripe.com/api/charges. intents.ts makes the charges.
import { type Account, change, makeId, seconds } from './account.ts'
import { emit } from './events.ts'
import type { Decline } from './payment-methods.ts'
import type { Stored } from './store.ts'

/** Per charge: 2.9 % and 30 minor units. */
const FEE_PER_MILLE = 29
const FEE_FIXED = 30

/** Makes a successful charge of the whole intent, and books it less its fee. */
export function makePaidCharge(account: Account, intent: Stored): Stored {
  const amount = Number(intent.amount)
  const charge = makeCharge(account, intent, {
    paid: true,
    captured: true,
    amount_captured: amount,
    status: 'succeeded',
  })
  const transaction = bookTransaction(account, {
    amount,
    fee: Math.round((amount * FEE_PER_MILLE) / 1_000) + FEE_FIXED,
    currency: String(intent.currency),
    source: charge.id,
    type: 'charge',
  })
  const booked = change(account, charge, { balance_transaction: transaction.id })
  emit(account, 'charge.succeeded', booked)
  return booked
}

export function makeFailedCharge(account: Account, intent: Stored, { code, message }: Decline): Stored {
  const charge = makeCharge(account, intent, {
    paid: false,
    captured: false,
    amount_captured: 0,
    status: 'failed',
    failure_code: code,
    failure_message: message,
  })
  emit(account, 'charge.failed', charge)
  return charge
}

function makeCharge(account: Account, intent: Stored, fields: Record<string, unknown>): Stored {
  const charge: Stored = {
    id: makeId('ch'),
    object: 'charge',
    amount: intent.amount,
    amount_refunded: 0,
    balance_transaction: null,
    created: seconds(account),
    currency: intent.currency,
    description: intent.description,
    disputed: false,
    failure_code: null,
    failure_message: null,
    livemode: false,
    metadata: intent.metadata,
    payment_intent: intent.id,
    payment_method: intent.payment_method,
    refunded: false,
    ...fields,
  }
  account.store.save(account.id, charge)
  return charge
}

/** Adds a balance transaction to the account. */
export function bookTransaction(
  account: Account,
  line: {
    amount: number
    fee: number
    currency: string
    source: string
    type: string
    /** Default: the type. */
    reporting_category?: string
    description?: string
  },
): Stored {
  const transaction: Stored = {
    id: makeId('txn'),
    object: 'balance_transaction',
    available_on: seconds(account),
    balance_type: 'payments',
    created: seconds(account),
    description: null,
    exchange_rate: null,
    fee_details: feeDetailsOf(line),
    net: line.amount - line.fee,
    reporting_category: line.type,
    status: 'available',
    ...line,
  }
  account.store.save(account.id, transaction)
  return transaction
}

function feeDetailsOf({ fee, currency }: { fee: number; currency: string }): object[] {
  if (fee === 0) return []
  return [{ amount: fee, application: null, currency, description: null, type: 'stripe_fee' }]
}
