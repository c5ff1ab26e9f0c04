// Compares a provider's charges with our payments. No I/O; provider-records.ts fetches both.
import { isUuid } from '../../core/ids.ts'
import type { Payment } from '../../generated/prisma/client.ts'
import { subject, type Violation } from '../../integrity/check.ts'
import type { BookedCharge } from '../payments/provider.ts'

export type OurPayment = Pick<
  Payment,
  | 'id'
  | 'status'
  | 'amountMinor'
  | 'currency'
  | 'refundedMinor'
  | 'refundPendingMinor'
  | 'providerReference'
  | 'createdAt'
> & { readonly _count: { readonly disputes: number } }

export type Books = {
  /** The tenant of our books: several tenants may use one account. */
  readonly tenantId: string
  /** Our payments before the provider's charges were read. */
  readonly before: readonly OurPayment[]
  readonly theirs: readonly BookedCharge[]
  /** Our payments after that. */
  readonly after: readonly OurPayment[]
  /** The charges must include every successful payment made since then. */
  readonly since: Date
}

/**
 * All disagreements. The two sides cannot be read at the same moment, so a payment whose row changed meanwhile is left
 * for the next run, and one still in flight may have any state at the provider.
 */
export function disagreements({ tenantId, before, theirs, after, since }: Books): Violation[] {
  const ours = new Map(after.map((payment) => [payment.id, payment]))
  const byReference = new Map(
    after.flatMap((payment) =>
      payment.providerReference === null ? [] : [[payment.providerReference, payment]],
    ),
  )
  const earlier = new Map(before.map((payment) => [payment.id, payment]))
  // A restored tenant's payments have charges that name the original tenant; they are found by their reference.
  const isOurs = (charge: BookedCharge) =>
    charge.tenantId === null || charge.tenantId === tenantId || byReference.has(charge.reference)
  const charges = Map.groupBy(
    theirs.filter(isOurs),
    ({ paymentId, reference }) => byReference.get(reference)?.id ?? paymentId,
  )
  const found: Violation[] = []
  for (const [paymentId, booked] of charges) {
    // Made by other software that uses the same account.
    if (paymentId === null) continue
    const payment = ours.get(paymentId)
    if (payment === undefined) found.push(...booked.map((charge) => unknownCharge(paymentId, charge)))
    else if (isSteady(payment, earlier.get(paymentId))) found.push(...judge(payment, booked, tenantId))
  }
  for (const payment of after) {
    const isDue = payment.status === 'SUCCEEDED' && payment.createdAt >= since
    if (isDue && !charges.has(payment.id) && isSteady(payment, earlier.get(payment.id))) {
      found.push(violationOf(payment, `it succeeded here, and the provider has no charge for it`))
    }
  }
  return found
}

function isSteady(now: OurPayment, earlier: OurPayment | undefined): boolean {
  return (
    earlier !== undefined &&
    earlier.status === now.status &&
    earlier.refundedMinor === now.refundedMinor &&
    earlier.refundPendingMinor === now.refundPendingMinor &&
    earlier._count.disputes === now._count.disputes
  )
}

function judge(payment: OurPayment, booked: readonly BookedCharge[], tenantId: string): Violation[] {
  const own = booked.find(({ reference }) => reference === payment.providerReference) ?? booked[0]
  if (own === undefined) return []
  const again = booked.filter((charge) => charge !== own && charge.status !== 'FAILED')
  return [
    ...again.map((charge) =>
      violationOf(payment, `the provider has another charge for it: ${inWords(charge)}`),
    ),
    ...complaintsAbout(payment, own, tenantId).map((complaint) => violationOf(payment, complaint)),
  ]
}

function complaintsAbout(payment: OurPayment, charge: BookedCharge, tenantId: string): string[] {
  const { status, amountMinor, currency, refundedMinor, refundPendingMinor, providerReference } = payment
  const complaints: string[] = []
  if (charge.amountMinor !== amountMinor || charge.currency !== currency) {
    complaints.push(
      `here it is of ${inMinor(amountMinor, currency)}, at the provider of ${inMinor(charge.amountMinor, charge.currency)}`,
    )
  }
  if (status === 'PENDING' || status === 'UNKNOWN') return complaints
  if (charge.status !== status) complaints.push(`here it is ${status}, at the provider ${charge.status}`)
  if (providerReference !== null && providerReference !== charge.reference) {
    complaints.push(`here its charge is ${providerReference}, at the provider ${charge.reference}`)
  }
  // A pending refund may already be done at the provider.
  const most = refundedMinor + refundPendingMinor
  // A charge that another tenant took may also be refunded by that tenant.
  const isOnlyOurs = charge.tenantId === null || charge.tenantId === tenantId
  if (charge.refundedMinor < refundedMinor || (isOnlyOurs && charge.refundedMinor > most)) {
    const ours = inMinor(refundedMinor, currency)
    const theirs = inMinor(charge.refundedMinor, charge.currency)
    complaints.push(`here ${ours} of it was refunded, at the provider ${theirs}`)
  }
  if (isOnlyOurs && charge.isDisputed && payment._count.disputes === 0) {
    complaints.push('at the provider it is disputed, and no dispute of it is here')
  }
  return complaints
}

function unknownCharge(paymentId: string, charge: BookedCharge): Violation {
  return {
    message: `the provider has a charge for an unknown payment: ${inWords(charge)}`,
    subjects: isUuid(paymentId) ? [subject('Payment', paymentId)] : [],
  }
}

function violationOf({ id }: OurPayment, message: string): Violation {
  return { message, subjects: [subject('Payment', id)] }
}

function inWords({ reference, status, amountMinor, currency }: BookedCharge): string {
  return `${reference}, ${status}, ${inMinor(amountMinor, currency)}`
}

function inMinor(amountMinor: bigint, currency: string): string {
  return `${amountMinor} (minor units of ${currency})`
}
