// What a product and a variant must be like.
import { z } from 'zod'

const TITLE_LENGTH_MAX = 255
/** Of a description; what one is priced at in an answer, too. */
export const TEXT_LENGTH_MAX = 20_000
const NAME_LENGTH_MAX = 255
const HANDLE_LENGTH_MAX = 255
const SKU_LENGTH_MAX = 64
/** Large enough for any price, and small enough that a hundred lines of ten thousand pieces stay within 64 bits. */
const PRICE_MINOR_MAX = 1_000_000_000_000n

const atMost = (length: number): string => `at most ${length} characters`

export const title = z
  .string()
  .trim()
  .min(1, 'a title is needed')
  .max(TITLE_LENGTH_MAX, atMost(TITLE_LENGTH_MAX))

export const handle = z
  .string()
  .max(HANDLE_LENGTH_MAX, atMost(HANDLE_LENGTH_MAX))
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'a handle is small letters, digits and single hyphens, like red-kettle')

export const productTexts = {
  description: z.string().max(TEXT_LENGTH_MAX, atMost(TEXT_LENGTH_MAX)).nullish(),
  vendor: z.string().trim().max(NAME_LENGTH_MAX, atMost(NAME_LENGTH_MAX)).nullish(),
  category: z.string().trim().max(NAME_LENGTH_MAX, atMost(NAME_LENGTH_MAX)).nullish(),
}

export const sku = z.string().trim().min(1, 'a SKU is needed').max(SKU_LENGTH_MAX, atMost(SKU_LENGTH_MAX))

export const price = z.object({
  amountMinor: z
    .bigint()
    .min(0n, 'a price is not negative')
    .max(PRICE_MINOR_MAX, `at most ${PRICE_MINOR_MAX} minor units`),
  currency: z.string(),
})

/** The handle of a title: `Étoile & Söhne` makes `etoile-sohne`. Empty when the title has no letter or digit. */
export function handleOf(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^-/, '')
    .slice(0, HANDLE_LENGTH_MAX)
    .replace(/-$/, '')
}
