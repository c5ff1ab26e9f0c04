// What a customer's details must be like.
import { z } from 'zod'

const NAME_LENGTH_MAX = 255
const LINE_LENGTH_MAX = 255

const line = z.string().trim().max(LINE_LENGTH_MAX, `at most ${LINE_LENGTH_MAX} characters`).nullish()

export const name = z
  .string()
  .trim()
  .min(1, 'a customer needs a name')
  .max(NAME_LENGTH_MAX, `at most ${NAME_LENGTH_MAX} characters`)

export const contact = {
  phone: line,
  address: z
    .object({
      line1: line,
      line2: line,
      city: line,
      postalCode: line,
      country: z
        .string()
        .regex(/^[A-Z]{2}$/, 'a country is two capital letters, like DE')
        .nullish(),
    })
    .nullish(),
}

type Contact = { readonly [Field in keyof typeof contact]?: z.output<(typeof contact)[Field]> }

/** The columns of a contact. A field that was left out stays out; one set to null clears its column. */
export function contactColumns({ phone, address }: Contact) {
  return {
    phone,
    addressLine1: address?.line1,
    addressLine2: address?.line2,
    city: address?.city,
    postalCode: address?.postalCode,
    country: address?.country,
  }
}

/** Where the columns of an address stand in an input. */
export const CONTACT_PATHS = {
  addressLine1: ['address', 'line1'],
  addressLine2: ['address', 'line2'],
  city: ['address', 'city'],
  postalCode: ['address', 'postalCode'],
  country: ['address', 'country'],
}
