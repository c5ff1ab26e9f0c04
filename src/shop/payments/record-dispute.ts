// Records disputes: what a buyer's bank asks about a payment, withdraws and reinstates. The same events end alike in
// any order and number: each movement of money is booked once, and the latest state of the dispute stands.
import { isDeepStrictEqual } from 'node:util'
import { auditOf } from '../../commands/edit.ts'
import type { EventRecord } from '../../commands/outcome.ts'
import { newId } from '../../core/ids.ts'
import type { Transaction } from '../../db/database.ts'
import type { Dispute, DisputeStatus, Order, Payment } from '../../generated/prisma/client.ts'
import { disputeLines } from '../ledger/entry-lines.ts'
import { postEntry } from '../ledger/post-entry.ts'
import {
  lockOrder,
  moveMoney,
  NOTHING_RECORDED,
  type Recorded,
  recordedTogether,
} from '../orders/order-money.ts'
import { Disagreement } from './disagreement.ts'
import type { DisputeMovement, DisputeNotice } from './provider.ts'
import { lockPayment } from './settle-payment.ts'

/** Of two states in the same second, the later one in this order stands. */
const COURSE: readonly DisputeStatus[] = [
  'INQUIRY',
  'NEEDS_RESPONSE',
  'UNDER_REVIEW',
  'CLOSED',
  'LOST',
  'WON',
]
/** A percentage of the payment. A bank converts at another day's rate; an amount beyond that is rejected. */
const CHARGED_BACK_PERCENT_MAX = 125n

/** The source type of a movement's ledger entry; the source id is the provider's id of the movement. */
const MOVEMENT_SOURCE = 'DisputeMovement'

/**
 * Records a dispute's state and movements, under the locks of order and payment. Throws a Disagreement for a payment
 * that did not succeed, another currency, and more money than the payment's.
 */
export async function recordDispute(
  tx: Transaction,
  { id: paymentId, orderId }: Pick<Payment, 'id' | 'orderId'>,
  notice: DisputeNotice,
  now: Date,
): Promise<Recorded> {
  const order = await lockOrder(tx, orderId)
  if (order === null) throw new Error(`payment ${paymentId} has no order`)
  const payment = await lockPayment(tx, paymentId)
  if (notice.currency !== payment.currency) throw new Disagreement('CURRENCY_DIFFERS')
  // The payment's success must be booked first; the event is retried after that.
  if (payment.status !== 'SUCCEEDED') throw new Disagreement('PAYMENT_OPEN')
  const known = await tx.dispute.findFirst({ where: { paymentId, reference: notice.reference } })
  const booked = await bookMovements(tx, payment, notice.movements, now)
  const before = known ?? opened(payment, notice, now)
  const after = { ...before, ...movedBy(before, booked), ...latestState(before, notice) }
  if (known !== null && isDeepStrictEqual(before, after)) return NOTHING_RECORDED
  checkMoved(payment, before, after)
  const recorded = await write(tx, known, after, now)
  return recordedTogether(recorded, await moveChargedBack(tx, { order, payment }, before, after, now))
}

/** Posts each movement that is not posted yet, and returns those. */
async function bookMovements(
  tx: Transaction,
  { currency }: Payment,
  movements: readonly DisputeMovement[],
  now: Date,
): Promise<readonly DisputeMovement[]> {
  const booked: DisputeMovement[] = []
  for (const movement of movements) {
    const lines = disputeLines(movement)
    if (lines.length === 0) continue
    const source = { type: MOVEMENT_SOURCE, id: movement.reference }
    const entryId = await postEntry(tx, { kind: 'DISPUTE', source, currency, lines, postedAt: now })
    if (entryId !== null) booked.push(movement)
  }
  return booked
}

/** A new dispute, with no money moved yet. */
function opened(
  { tenantId, id: paymentId, currency }: Payment,
  { movements: _moved, chargeReference: _charge, ...state }: DisputeNotice,
  now: Date,
): Dispute {
  return {
    tenantId,
    id: newId(),
    paymentId,
    ...state,
    currency,
    withdrawnMinor: 0n,
    reinstatedMinor: 0n,
    feeMinor: 0n,
    movements: [],
    version: 0,
    createdAt: now,
    updatedAt: now,
  }
}

type Moved = Pick<Dispute, 'withdrawnMinor' | 'reinstatedMinor' | 'feeMinor' | 'movements'>

function movedBy(before: Dispute, booked: readonly DisputeMovement[]): Moved {
  const sum = (minor: (movement: DisputeMovement) => bigint) =>
    booked.reduce((total, movement) => total + minor(movement), 0n)
  return {
    withdrawnMinor: before.withdrawnMinor + sum(({ amountMinor }) => (amountMinor < 0n ? -amountMinor : 0n)),
    reinstatedMinor: before.reinstatedMinor + sum(({ amountMinor }) => (amountMinor > 0n ? amountMinor : 0n)),
    feeMinor: before.feeMinor + sum(({ feeMinor }) => feeMinor),
    movements: [...before.movements, ...booked.map(({ reference }) => reference)].toSorted(),
  }
}

type DisputeState = Pick<Dispute, 'status' | 'amountMinor' | 'reason' | 'evidenceDueAt' | 'toldAt'>

function latestState(before: DisputeState, notice: DisputeState): DisputeState {
  const { status, amountMinor, reason, evidenceDueAt, toldAt } =
    sortKeyOf(notice) > sortKeyOf(before) ? notice : before
  return { status, amountMinor, reason, evidenceDueAt, toldAt }
}

/**
 * A sort key for states: by time, then along COURSE, then the remaining fields, so that no two different states are
 * equal.
 */
function sortKeyOf({ status, amountMinor, reason, evidenceDueAt, toldAt }: DisputeState): string {
  const amount = amountMinor.toString().padStart(20, '0')
  return `${toldAt.toISOString()} ${COURSE.indexOf(status)} ${amount} ${evidenceDueAt?.toISOString()} ${reason}`
}

/** The amount that a payment has lost by a dispute; never negative. */
function chargedBackOf({ withdrawnMinor, reinstatedMinor }: Moved): bigint {
  return withdrawnMinor - reinstatedMinor
}

function checkMoved({ amountMinor, chargedBackMinor }: Payment, before: Dispute, after: Dispute): void {
  const chargedBack = chargedBackMinor + chargedBackOf(after) - chargedBackOf(before)
  if (chargedBackOf(after) < 0n) throw new Disagreement('REINSTATED_TOO_MUCH')
  if (chargedBack * 100n > amountMinor * CHARGED_BACK_PERCENT_MAX) {
    throw new Disagreement('CHARGED_BACK_TOO_MUCH')
  }
}

async function write(tx: Transaction, known: Dispute | null, after: Dispute, now: Date): Promise<Recorded> {
  const version = after.version + 1
  if (known === null) await tx.dispute.create({ data: { ...after, version } })
  else {
    const { status, amountMinor, reason, evidenceDueAt, toldAt } = after
    const { withdrawnMinor, reinstatedMinor, feeMinor, movements } = after
    const moved = { withdrawnMinor, reinstatedMinor, feeMinor, movements }
    await tx.dispute.updateMany({
      where: { id: known.id },
      data: { status, amountMinor, reason, evidenceDueAt, toldAt, ...moved, version, updatedAt: now },
    })
  }
  const subject = { type: 'Dispute', id: after.id }
  const event = (what: string): EventRecord => ({
    type: `dispute.${what}`,
    subject,
    payload: { version },
  })
  return {
    audit: [auditOf(subject, known === null ? null : audited(known), audited(after))],
    events: [
      ...(after.status === known?.status ? [] : [event(after.status.toLowerCase())]),
      ...(after.withdrawnMinor === (known?.withdrawnMinor ?? 0n) ? [] : [event('funds_withdrawn')]),
      ...(after.reinstatedMinor === (known?.reinstatedMinor ?? 0n) ? [] : [event('funds_reinstated')]),
    ],
  }
}

function audited(dispute: Dispute): Record<string, string> {
  const { status, paymentId, currency, amountMinor, withdrawnMinor, reinstatedMinor, feeMinor } = dispute
  return {
    status,
    paymentId,
    currency,
    amountMinor: amountMinor.toString(),
    withdrawnMinor: withdrawnMinor.toString(),
    reinstatedMinor: reinstatedMinor.toString(),
    feeMinor: feeMinor.toString(),
  }
}

/** Books the net chargeback on the payment and its order. */
async function moveChargedBack(
  tx: Transaction,
  { order, payment }: { readonly order: Order; readonly payment: Payment },
  before: Moved,
  after: Moved,
  now: Date,
): Promise<Recorded> {
  const chargedBackMinor = chargedBackOf(after) - chargedBackOf(before)
  const returnedMinor = after.reinstatedMinor - before.reinstatedMinor
  if (chargedBackMinor === 0n && returnedMinor === 0n) return NOTHING_RECORDED
  const { id, version, currency, chargedBackMinor: was } = payment
  const is = was + chargedBackMinor
  await tx.payment.updateMany({
    where: { id },
    data: { chargedBackMinor: is, version: version + 1, updatedAt: now },
  })
  const minor = (sum: bigint) => ({ chargedBackMinor: sum.toString(), currency })
  const changed = { audit: [auditOf({ type: 'Payment', id }, minor(was), minor(is))], events: [] }
  return recordedTogether(changed, await moveMoney(tx, order, { chargedBackMinor, returnedMinor }, { now }))
}
