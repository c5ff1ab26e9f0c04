// The validation rules of a customer's name and contact.
import { z } from 'zod'
import { clearable } from '../../commands/input-rules.ts'

const LINE_LENGTH_MAX = 255

const NAME_LENGTH_MAX = 255

export const name = z.string().trim().min(1, 'a customer needs a name').max(NAME_LENGTH_MAX)

const line = clearable(z.string().trim().max(LINE_LENGTH_MAX))

export const phone = line

export const address = z.object({
  line1: line,
  line2: line,
  city: line,
  postalCode: line,
  country: clearable(z.string().regex(/^[A-Z]{2}$/, 'a country is two capital letters, like DE')),
})

/** The columns of an address, by the API's fields. */
export const ADDRESS_COLUMNS = {
  line1: 'addressLine1',
  line2: 'addressLine2',
  city: 'city',
  postalCode: 'postalCode',
  country: 'country',
} as const
