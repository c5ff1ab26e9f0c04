// What is frozen into an order beside its lines: who buys, and where to. As it was given, or as the customer is at that
// moment; later edits of the customer change nothing of it.
import { z } from 'zod'
import { address, name, phone } from '../customers/customer.ts'

const EMAIL_LENGTH_MAX = 320

const namedAddress = address.extend({ name: name.nullish() }).nullish()

/** Each left out or null: taken from the customer. */
export const agreedSchema = {
  buyer: z
    .object({
      name,
      email: z.string().trim().max(EMAIL_LENGTH_MAX, `at most ${EMAIL_LENGTH_MAX} characters`).nullish(),
      phone,
    })
    .nullish(),
  shippingAddress: namedAddress,
  billingAddress: namedAddress,
}

export type Agreed = { readonly [Part in keyof typeof agreedSchema]?: z.output<(typeof agreedSchema)[Part]> }

/** As it stands in the order's columns of JSON, whoever wrote it: a part that was not given is null, or not there. */
export type FrozenBuyer = {
  readonly name?: string | null
  readonly email?: string | null
  readonly phone?: string | null
}
export type FrozenAddress = {
  readonly name?: string | null
  readonly line1?: string | null
  readonly line2?: string | null
  readonly city?: string | null
  readonly postalCode?: string | null
  readonly country?: string | null
}
