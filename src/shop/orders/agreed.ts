// The buyer and the addresses that are copied into an order when it is placed: as given, or the customer's own. Later
// edits of the customer do not change them.
import { z } from 'zod'
import { address, name, phone } from '../customers/customer.ts'

const EMAIL_LENGTH_MAX = 320

const namedAddress = address.extend({ name: name.nullish() }).nullish()

/** Each is optional; default: the customer's own. */
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

/** The value of the order's JSON columns. Older rows may lack a part, so a missing part is null or undefined. */
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
