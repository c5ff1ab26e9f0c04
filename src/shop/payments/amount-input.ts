// The optional amount of a mutation; when it is left out, the mutation takes all that is left.
import { omittable } from '../../commands/input-rules.ts'
import { moneyInput } from '../../commands/money-input.ts'
import type { Money } from '../../core/money.ts'

export const amountSchema = omittable(moneyInput({ min: 1n }))

export type AskedAmount = Money
