// Parses amounts of money: whole minor units, and a currency in lower case.
import { isCurrency } from '../../core/money.ts'
import { type Params, text } from './form.ts'
import { invalid, required } from './problem.ts'

const AMOUNT_MAX = 99_999_999

/** An ISO 4217 code in lower case. */
export function currencyOf(params: Params): string {
  const currency = text(params, 'currency')
  if (currency === null) throw required('currency')
  if (!/^[a-z]{3}$/.test(currency) || !isCurrency(currency.toUpperCase())) {
    throw invalid(`Invalid currency: ${currency}`, 'currency')
  }
  return currency
}

export function amountOf(params: Params): number {
  if (params.amount === undefined) throw required('amount')
  const given = text(params, 'amount') ?? ''
  const amount = Number(given)
  if (!/^\d+$/.test(given) || amount < 1) throw invalid(`Invalid positive integer: ${given}`, 'amount')
  if (amount > AMOUNT_MAX) throw invalid('Amount must be no more than 99999999', 'amount', 'amount_too_large')
  return amount
}
