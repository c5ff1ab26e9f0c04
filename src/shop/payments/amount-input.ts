// The optional amount of a mutation; when it is left out, the mutation takes all that is left.
import { moneyInput } from '../../commands/money-input.ts'
import type { Money } from '../../core/money.ts'

export const amountSchema = moneyInput({ min: 1n }).nullish()

export type AskedAmount = Money
