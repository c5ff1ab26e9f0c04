// The account's balance, and paying it out: https://docs.stripe.com/api/payouts. A payout arrives at once.
import { type Account, makeId, seconds } from './account.ts'
import { emit } from './events.ts'
import { group, type Params, text } from './form.ts'
import { amountOf, bookTransaction } from './intents.ts'
import { invalid } from './problem.ts'
import type { Stored } from './store.ts'

export function createPayout(account: Account, params: Params): Stored {
  const amount = amountOf(params)
  const currency = text(params, 'currency') ?? ''
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
    created: seconds(account),
    currency,
    livemode: false,
    metadata: group(params, 'metadata'),
    method: 'standard',
    status: 'paid',
    type: 'bank_account',
  }
  account.store.save(account.id, payout)
  bookTransaction(account, { amount: -amount, fee: 0, currency, source: payout.id, type: 'payout' })
  emit(account, 'payout.created', { ...payout, status: 'pending' })
  emit(account, 'payout.paid', payout)
  return payout
}

export function balanceOf(account: Account): object {
  const available = [...balances(account)].map(([currency, amount]) => ({
    amount,
    currency,
    source_types: {},
  }))
  return { object: 'balance', available, pending: [], livemode: false }
}

function balances(account: Account): Map<string, number> {
  const sums = new Map<string, number>()
  for (const { currency, net } of account.store.list(account.id, 'balance_transaction')) {
    sums.set(String(currency), (sums.get(String(currency)) ?? 0) + Number(net))
  }
  return sums
}
