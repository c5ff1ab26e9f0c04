// The optional amount of a mutation; when it is left out, the mutation takes all that is left.
import { z } from 'zod'
import { isCurrency } from '../../core/money.ts'

export const amountSchema = z
  .object({
    amountMinor: z.bigint().positive('must be greater than 0'),
    currency: z.string().refine(isCurrency, 'is not an ISO 4217 currency'),
  })
  .nullish()

export type AskedAmount = NonNullable<z.output<typeof amountSchema>>
