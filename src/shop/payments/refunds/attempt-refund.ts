// The calls of one attempt at a refund: refund under its idempotency key, or look up the outcome.
import type { Transaction } from '../../../db/database.ts'
import type { Payment, Refund } from '../../../generated/prisma/client.ts'
import type { Attemptable } from '../attempt.ts'
import { KEY_REMEMBERED_MS } from '../payment.ts'
import type { ProviderAccount, RefundVerdict } from '../provider.ts'
import { settleRefund } from './settle-refund.ts'

type OpenRefund = Refund & { readonly payment: Payment }

export const refundAttempt: Attemptable<OpenRefund, RefundVerdict> = {
  type: 'Refund',
  permission: 'payments:refund',
  find: async (db, id) => await db.refund.findFirst({ where: { id }, include: { payment: true } }),
  claim,
  providerOf: ({ payment }) => payment.providerId,
  ask,
  settle: settleRefund,
}

async function claim(
  tx: Transaction,
  id: string,
  { now, until }: { now: Date; until: Date },
): Promise<boolean> {
  const claimed = await tx.$executeRaw`
    UPDATE refunds SET attempt_expires_at = ${until}, attempts = attempts + 1, updated_at = ${now},
      status = CASE WHEN provider_reference IS NULL THEN 'UNKNOWN' ELSE status END, version = version + 1
    WHERE id = ${id}::uuid AND status IN ('PENDING', 'UNKNOWN')
      AND (attempt_expires_at IS NULL OR attempt_expires_at <= ${now})`
  return claimed === 1
}

async function ask(
  account: ProviderAccount,
  {
    tenantId,
    id,
    payment,
    amountMinor,
    currency,
    reason,
    createdAt,
    attempts,
    providerReference: reference,
  }: OpenRefund,
  now: Date,
): Promise<RefundVerdict> {
  if (payment.providerReference === null)
    throw new Error(`payment ${payment.id} was taken without a reference`)
  const asked = {
    tenantId,
    refundId: id,
    paymentId: payment.id,
    chargeReference: payment.providerReference,
    amountMinor,
    currency,
    reason,
  }
  const isKeyRemembered = now.getTime() - createdAt.getTime() < KEY_REMEMBERED_MS
  // From the second attempt on the provider's books are read first, as for a charge.
  const found = attempts > 1 || reference !== null ? await account.findRefund({ ...asked, reference }) : null
  if (found !== null) return found
  if (reference === null && isKeyRemembered) return await account.refund(asked)
  if (reference !== null) return { status: 'UNKNOWN', reason: `the provider has no record of ${reference}` }
  const failure = { code: 'REFUND_FAILED', message: 'the provider has no record of this refund' } as const
  return { status: 'FAILED', reference, failure }
}
