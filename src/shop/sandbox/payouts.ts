// The account's balance and payouts: https://docs.stripe.com/api/payouts. A payout arrives at once.
import { type Account, change, makeId, seconds } from './account.ts'
import { amountOf, currencyOf } from './amounts.ts'
import { bookTransaction } from './charges.ts'
import { emit } from './events.ts'
import { group, type Params, text } from './form.ts'
import { invalid } from './problem.ts'
import type { Stored } from './store.ts'

export function createPayout(account: Account, params: Params): Stored {
  const amount = amountOf(params)
  const currency = currencyOf(params)
  if (amount > (balances(account).get(currency) ?? 0)) {
    throw invalid(
      'You have insufficient funds in your account for this transfer.',
      'amount',
      'balance_insufficient',
    )
  }
  const payout: Stored = {
    id: makeId('po'),
    object: 'payout',
    amount,
    arrival_date: seconds(account),
    automatic: false,
    balance_transaction: null,
    created: seconds(account),
    currency,
    description: text(params, 'description'),
    failure_code: null,
    failure_message: null,
    livemode: false,
    metadata: group(params, 'metadata'),
    method: 'standard',
    status: 'paid',
    type: 'bank_account',
  }
  const line = { amount: -amount, fee: 0, currency, source: payout.id, type: 'payout' }
  const booked = change(account, payout, { balance_transaction: bookTransaction(account, line).id })
  emit(account, 'payout.created', { ...booked, status: 'pending' })
  emit(account, 'payout.paid', booked)
  return booked
}

export function balanceOf(account: Account): object {
  const available = [...balances(account)].map(([currency, amount]) => ({
    amount,
    currency,
    source_types: {},
  }))
  return { object: 'balance', available, pending: [], livemode: false }
}

function balances({ id, store }: Account): Map<string, number> {
  return new Map(store.balancesOf(id).map(({ currency, net }) => [currency, net]))
}
