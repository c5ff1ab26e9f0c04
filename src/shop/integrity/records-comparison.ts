// A provider's books against ours, as two lists: what they disagree on. No I/O; provider-records.ts fetches both.
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
  /** Whose books ours are: several tenants may use one account. */
  readonly tenantId: string
  /** Ours as they were before theirs were read. */
  readonly before: readonly OurPayment[]
  readonly theirs: readonly BookedCharge[]
  /** Ours as they were after that. */
  readonly after: readonly OurPayment[]
  /** Whatever succeeded of a payment made since then must be in theirs. */
  readonly since: Date
}

/**
 * Every disagreement. The two books are never read at one moment, so a payment whose row changed while theirs were read
 * is left for the next time, and one that is still in flight may be anything at the provider.
 */
export function disagreements({ tenantId, before, theirs, after, since }: Books): Violation[] {
  const ours = new Map(after.map((payment) => [payment.id, payment]))
  const byReference = new Map(
    after.flatMap((payment) =>
      payment.providerReference === null ? [] : [[payment.providerReference, payment]],
    ),
  )
  const earlier = new Map(before.map((payment) => [payment.id, payment]))
  // A restored tenant has payments whose charges name the one that it was made from: those it knows by their reference.
  const isOurs = (charge: BookedCharge) =>
    charge.tenantId === null || charge.tenantId === tenantId || byReference.has(charge.reference)
  const charges = Map.groupBy(
    theirs.filter(isOurs),
    ({ paymentId, reference }) => byReference.get(reference)?.id ?? paymentId,
  )
  const found: Violation[] = []
  for (const [paymentId, booked] of charges) {
    // Something else that uses the same account.
    if (paymentId === null) continue
    const payment = ours.get(paymentId)
    if (payment === undefined) found.push(...booked.map((charge) => unknownCharge(paymentId, charge)))
    else if (isSteady(payment, earlier.get(paymentId))) found.push(...judge(payment, booked, tenantId))
  }
  for (const payment of after) {
    const isDue = payment.status === 'SUCCEEDED' && payment.createdAt >= since
    if (isDue && !charges.has(payment.id) && isSteady(payment, earlier.get(payment.id))) {
      found.push(told(payment, `it succeeded here, and the provider has no charge of it`))
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
    ...again.map((charge) => told(payment, `the provider has another charge of it: ${inWords(charge)}`)),
    ...complaintsAbout(payment, own, tenantId).map((complaint) => told(payment, complaint)),
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
  // What is being given back may have been given back there already.
  const most = refundedMinor + refundPendingMinor
  // What another tenant took, it may give back as well, which is no business of this one.
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
    message: `the provider has a charge for a payment that is not here: ${inWords(charge)}`,
    subjects: isUuid(paymentId) ? [subject('Payment', paymentId)] : [],
  }
}

function told({ id }: OurPayment, message: string): Violation {
  return { message, subjects: [subject('Payment', id)] }
}

function inWords({ reference, status, amountMinor, currency }: BookedCharge): string {
  return `${reference}, ${status}, ${inMinor(amountMinor, currency)}`
}

function inMinor(amountMinor: bigint, currency: string): string {
  return `${amountMinor} (minor units of ${currency})`
}
