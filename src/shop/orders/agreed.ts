// The buyer and the addresses that are copied into an order when it is placed: as given, or the customer's own. Later
// edits of the customer do not change them.
import { z } from 'zod'
import { clearable, omittable } from '../../commands/input-rules.ts'
import { address, name, phone } from '../customers/customer.ts'

const EMAIL_LENGTH_MAX = 320

const namedAddress = omittable(address.extend({ name: clearable(name) }))

/** Each is optional; default: the customer's own. */
export const agreedSchema = {
  buyer: omittable(
    z.object({
      name,
      email: clearable(z.string().trim().max(EMAIL_LENGTH_MAX)),
      phone,
    }),
  ),
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
