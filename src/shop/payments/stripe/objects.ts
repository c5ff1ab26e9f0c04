// The schemas of Stripe's objects, from an event, the inbox or the answer to a call. Fields that are not listed are
// dropped, since Stripe adds new ones all the time.
import { z } from 'zod'
import { isUuid } from '../../../core/ids.ts'
import { webhookSecretSchema } from '../provider-account/webhook-secret.ts'

/** The metadata keys of our ids in Stripe's objects. */
export const TENANT_KEY = 'bulkhead_tenant'
export const PAYMENT_KEY = 'bulkhead_payment'
export const REFUND_KEY = 'bulkhead_refund'

/** Stripe's bound for a metadata value. */
const METADATA_LENGTH_MAX = 500
const WORD_LENGTH_MAX = 255
const URL_LENGTH_MAX = 2_000
const MESSAGE_LENGTH_MAX = 500
/** In Unix seconds: the end of the year 9999. */
const TIME_SECONDS_MAX = 253_402_300_799

/** Stripe's ids: `pi_3MtwBwLkdIwHu7ix28a3tqPa`. They are looked up in our rows, and displayed. */
export const referenceSchema = z.string().regex(/^[A-Za-z0-9_-]{1,255}$/)

/** Stripe's smallest units. */
const amountSchema = z.int().min(0)
const currencySchema = z.string().regex(/^[a-z]{3}$/)
const wordSchema = z.string().max(WORD_LENGTH_MAX)
export const timeSchema = z.int().min(0).max(TIME_SECONDS_MAX)

/** A text for people: cut to the stored length, without characters that PostgreSQL cannot store. */
const messageSchema = z.string().transform(shown)

export function shown(message: string): string {
  return message.replaceAll('\0', '').slice(0, MESSAGE_LENGTH_MAX).toWellFormed()
}

/** An object's id, or the expanded object (`expand`). */
const idOf = z.union([referenceSchema, z.object({ id: referenceSchema }).transform(({ id }) => id)])

/** The buyer's browser is sent there, so no other scheme is allowed (`javascript:`). */
const pageSchema = z
  .url({ protocol: /^https?$/ })
  .max(URL_LENGTH_MAX)
  .nullish()
  .catch(null)

const metadataValue = z.string().max(METADATA_LENGTH_MAX).optional()

/** Which of our rows an object belongs to. Ids that are not ours come from other software: null. */
const oursSchema = z
  .object({
    [TENANT_KEY]: metadataValue,
    [PAYMENT_KEY]: metadataValue,
    [REFUND_KEY]: metadataValue,
  })
  .nullish()
  .transform((metadata) => ({
    /** Any value: one that is not this tenant's is another's. */
    tenantId: metadata?.[TENANT_KEY] ?? null,
    paymentId: ourId(metadata?.[PAYMENT_KEY]),
    refundId: ourId(metadata?.[REFUND_KEY]),
  }))

function ourId(value: string | undefined): string | null {
  return value !== undefined && isUuid(value) ? value : null
}

const balanceTransactionSchema = z.object({ fee: z.int(), currency: currencySchema })

const chargeSchema = z.object({
  amount_refunded: amountSchema.default(0),
  disputed: z.boolean().default(false),
  balance_transaction: z.union([referenceSchema, balanceTransactionSchema]).nullish(),
})

export const errorSchema = z.object({
  code: wordSchema.nullish(),
  decline_code: wordSchema.nullish(),
  message: messageSchema.nullish(),
  param: wordSchema.nullish(),
})
export type StripeProblem = z.output<typeof errorSchema>

export const intentSchema = z.object({
  id: referenceSchema,
  amount: amountSchema,
  amount_received: amountSchema.nullish(),
  currency: currencySchema,
  status: wordSchema,
  metadata: oursSchema,
  latest_charge: z.union([referenceSchema, chargeSchema]).nullish(),
  last_payment_error: errorSchema.nullish(),
  next_action: z.object({ redirect_to_url: z.object({ url: pageSchema }).nullish() }).nullish(),
})
export type Intent = z.output<typeof intentSchema>

export const refundSchema = z.object({
  id: referenceSchema,
  amount: amountSchema,
  currency: currencySchema,
  status: wordSchema.nullish(),
  failure_reason: messageSchema.nullish(),
  reason: wordSchema.nullish(),
  payment_intent: idOf.nullish(),
  metadata: oursSchema,
})
export type StripeRefund = z.output<typeof refundSchema>

export const payoutSchema = z.object({
  id: referenceSchema,
  amount: amountSchema,
  currency: currencySchema,
  status: wordSchema,
})
export type Payout = z.output<typeof payoutSchema>

/** Per dispute; Stripe has at most a few. */
const MOVEMENTS_MAX = 50

const movementSchema = z.object({
  id: referenceSchema,
  amount: z.int(),
  currency: currencySchema,
  fee: z.int(),
})

export const disputeSchema = z.object({
  id: referenceSchema,
  amount: amountSchema,
  currency: currencySchema,
  status: wordSchema,
  reason: wordSchema,
  created: timeSchema,
  payment_intent: idOf.nullish(),
  balance_transactions: z.array(movementSchema).max(MOVEMENTS_MAX),
  evidence_details: z.object({ due_by: timeSchema.nullish() }).nullish(),
})
export type StripeDispute = z.output<typeof disputeSchema>

const nameSchema = z.string().transform(shown).nullish()

export const accountSchema = z.object({
  id: referenceSchema,
  business_profile: z.object({ name: nameSchema }).nullish(),
  settings: z.object({ dashboard: z.object({ display_name: nameSchema }).nullish() }).nullish(),
})

export const endpointSchema = z.object({
  id: referenceSchema,
  secret: webhookSecretSchema,
})
