// An amount as a mutation takes it: some of what there is, in its currency; all of it when it is left out.
import { z } from 'zod'
import { isCurrency } from '../../core/money.ts'

export const amountSchema = z
  .object({
    amountMinor: z.bigint().positive('more than nothing'),
    currency: z.string().refine(isCurrency, 'is no currency of ISO 4217'),
  })
  .nullish()

export type AskedAmount = NonNullable<z.output<typeof amountSchema>>
