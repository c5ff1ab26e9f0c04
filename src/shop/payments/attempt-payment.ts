// The calls of one attempt at a payment: charge under the payment's idempotency key, look up the outcome, or abandon
// the payment.
import type { Transaction } from '../../db/database.ts'
import type { Payment } from '../../generated/prisma/client.ts'
import type { Attemptable } from './attempt.ts'
import { BUYER_MS, KEY_REMEMBERED_MS } from './payment.ts'
import type { ChargeVerdict, ProviderAccount } from './provider.ts'
import { settlePayment } from './settle-payment.ts'

/** Allows for clock differences: a provider's list is read from 10 minutes earlier. */
const CLOCK_SLACK_MS = 600_000

type OpenPayment = Payment & { readonly order: { readonly number: number } }

export const paymentAttempt: Attemptable<OpenPayment, ChargeVerdict> = {
  type: 'Payment',
  permission: 'payments:take',
  find: async (db, id) =>
    await db.payment.findFirst({ where: { id }, include: { order: { select: { number: true } } } }),
  claim,
  providerOf: ({ providerId }) => providerId,
  ask,
  settle: settlePayment,
}

async function claim(
  tx: Transaction,
  id: string,
  { now, until }: { now: Date; until: Date },
): Promise<boolean> {
  const claimed = await tx.$executeRaw`
    UPDATE payments SET attempt_expires_at = ${until}, attempts = attempts + 1, updated_at = ${now},
      status = CASE WHEN provider_reference IS NULL THEN 'UNKNOWN' ELSE status END, version = version + 1
    WHERE id = ${id}::uuid AND status IN ('PENDING', 'UNKNOWN')
      AND (attempt_expires_at IS NULL OR attempt_expires_at <= ${now})`
  return claimed === 1
}

async function ask(account: ProviderAccount, payment: OpenPayment, now: Date): Promise<ChargeVerdict> {
  const {
    tenantId,
    id,
    amountMinor,
    currency,
    providerReference: reference,
    createdAt,
    actionUrl,
    attempts,
  } = payment
  const ageMs = now.getTime() - createdAt.getTime()
  const createdAfter = new Date(createdAt.getTime() - CLOCK_SLACK_MS)
  const asked = { paymentId: id, amountMinor, currency }
  if (reference !== null) {
    if (actionUrl !== null && ageMs > BUYER_MS) return await account.cancelCharge(reference)
    const found = await account.findCharge({ ...asked, reference, createdAfter })
    return found ?? { status: 'UNKNOWN', reason: `the provider has no record of ${reference}` }
  }
  // A provider also stores its own faults under the key. Only its books tell whether the charge happened all the same.
  const booked = attempts > 1 ? await account.findCharge({ ...asked, reference, createdAfter }) : null
  if (booked !== null) return booked
  if (ageMs < KEY_REMEMBERED_MS) {
    const { method, returnUrl, order } = payment
    const description = `Order ${order.number}`
    return await account.charge({ tenantId, ...asked, method, returnUrl, description })
  }
  // The provider may have forgotten the key. A charge that is not in its books by now never happened, and must not
  // happen any more.
  const failure = { code: 'ABANDONED', message: 'the provider has no record of this payment' } as const
  return { status: 'FAILED', reference, failure }
}
