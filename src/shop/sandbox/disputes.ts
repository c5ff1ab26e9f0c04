// Disputes of charges: https://docs.stripe.com/api/disputes. Opens them, and moves their funds with each status.
// dispute-evidence.ts handles the merchant's answer.
import { type Account, change, load, makeId, seconds } from './account.ts'
import { bookTransaction } from './charges.ts'
import { emit } from './events.ts'
import { invalid } from './problem.ts'
import type { Stored } from './store.ts'

/** In minor units of any currency. Charged once per dispute, and not returned with the amount. */
const DISPUTE_FEE = 1_500
/** The deadline is the end of the last day, in UTC. */
const EVIDENCE_DAYS = 8
const DAY_SECONDS = 86_400

export const DISPUTE_REASONS = [
  'bank_cannot_process',
  'check_returned',
  'credit_not_processed',
  'customer_initiated',
  'debit_not_authorized',
  'duplicate',
  'fraudulent',
  'general',
  'incorrect_account_details',
  'insufficient_funds',
  'noncompliant',
  'product_not_received',
  'product_unacceptable',
  'subscription_canceled',
  'unrecognized',
] as const

export type DisputeReason = (typeof DISPUTE_REASONS)[number]
export type DisputeStatus =
  | 'warning_needs_response'
  | 'warning_under_review'
  | 'warning_closed'
  | 'needs_response'
  | 'under_review'
  | 'won'
  | 'lost'

/** The statuses that the card network may give next. A decision can still be reversed. */
const NEXT: Readonly<Record<DisputeStatus, readonly DisputeStatus[]>> = {
  warning_needs_response: ['needs_response', 'warning_closed'],
  warning_under_review: ['needs_response', 'warning_closed'],
  warning_closed: [],
  needs_response: ['under_review', 'won', 'lost'],
  under_review: ['won', 'lost'],
  won: ['lost'],
  lost: ['won'],
}
const CLOSED: ReadonlySet<DisputeStatus> = new Set(['won', 'lost', 'warning_closed'])
/** In these statuses the dispute's amount is withdrawn from the account. */
const WITHDRAWN: ReadonlySet<DisputeStatus> = new Set(['needs_response', 'under_review', 'lost'])

/** Opens a dispute. Default amount: all that is not disputed yet. An inquiry withdraws nothing. */
export function openDispute(
  account: Account,
  charge: Stored,
  more: { readonly amount?: number | undefined; readonly reason: DisputeReason; readonly inquiry: boolean },
): Stored {
  if (charge.status !== 'succeeded') throw invalid('This charge did not succeed, and cannot be disputed.')
  const left = Number(charge.amount) - disputedOf(account, charge)
  const amount = more.amount ?? left
  if (left === 0) throw invalid('Charge has already been disputed.', 'payment_intent', 'charge_disputed')
  if (amount > left) {
    throw invalid(
      `Dispute amount (${amount}) is greater than undisputed amount on charge (${left})`,
      'amount',
    )
  }
  const created = seconds(account)
  const dispute: Stored = {
    id: makeId('du'),
    object: 'dispute',
    amount,
    balance_transactions: [],
    charge: charge.id,
    created,
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: { enhanced_evidence: {}, uncategorized_text: null },
    evidence_details: {
      due_by: (Math.floor(created / DAY_SECONDS) + EVIDENCE_DAYS + 1) * DAY_SECONDS - 1,
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      submission_method: 'not_submitted',
    },
    intended_submission_method: null,
    is_charge_refundable: more.inquiry,
    livemode: false,
    metadata: {},
    payment_intent: charge.payment_intent,
    reason: more.reason,
    status: more.inquiry ? 'warning_needs_response' : 'needs_response',
  }
  account.store.save(account.id, dispute)
  change(account, charge, { disputed: true })
  emit(account, 'charge.dispute.created', dispute)
  return moveFunds(account, dispute)
}

/** Sets the network's decision. Throws for a status that cannot follow the present one. */
export function decideDispute(account: Account, id: string, status: DisputeStatus): Stored {
  const dispute = load(account, 'dispute', id)
  if (!NEXT[statusOf(dispute)].includes(status)) {
    throw invalid(`A dispute that is ${statusOf(dispute)} cannot become ${status}.`, 'status')
  }
  return moveDispute(account, dispute, status)
}

/** Changes the status and other fields, and moves the funds accordingly. */
export function moveDispute(
  account: Account,
  dispute: Stored,
  status: DisputeStatus,
  fields: Record<string, unknown> = {},
): Stored {
  const changed = { ...fields, status, is_charge_refundable: !WITHDRAWN.has(status) }
  const moved = moveFunds(account, change(account, dispute, changed))
  emit(account, CLOSED.has(status) ? 'charge.dispute.closed' : 'charge.dispute.updated', moved)
  return moved
}

function statusOf(dispute: Stored): DisputeStatus {
  return dispute.status as DisputeStatus
}

export function isInquiry(dispute: Stored): boolean {
  return statusOf(dispute).startsWith('warning_')
}

export function isClosed(dispute: Stored): boolean {
  return CLOSED.has(statusOf(dispute))
}

/** The amount that the charge's disputes withdraw at this moment. */
export function withdrawnOf(account: Account, charge: Stored): number {
  return sum(disputesOf(account, charge).filter((dispute) => WITHDRAWN.has(statusOf(dispute))))
}

/** The disputed amount. Closed inquiries withdraw nothing any more; all other disputes may withdraw again. */
function disputedOf(account: Account, charge: Stored): number {
  return sum(disputesOf(account, charge).filter((dispute) => statusOf(dispute) !== 'warning_closed'))
}

function disputesOf(account: Account, charge: Stored): Stored[] {
  if (charge.disputed !== true) return []
  return account.store.list(account.id, 'dispute').filter((dispute) => dispute.charge === charge.id)
}

function sum(disputes: readonly Stored[]): number {
  return disputes.reduce((total, { amount }) => total + Number(amount), 0)
}

/** Withdraws or reinstates the amount when the status requires it and it is not done yet. */
function moveFunds(account: Account, dispute: Stored): Stored {
  const lines = dispute.balance_transactions as readonly Stored[]
  const isWithdrawn = lines.reduce((total, { amount }) => total + Number(amount), 0) < 0
  const withdraws = WITHDRAWN.has(statusOf(dispute))
  if (withdraws === isWithdrawn) return dispute
  const line = bookTransaction(account, {
    amount: Number(dispute.amount) * (withdraws ? -1 : 1),
    fee: lines.length === 0 ? DISPUTE_FEE : 0,
    currency: String(dispute.currency),
    source: dispute.id,
    type: 'adjustment',
    reporting_category: withdraws ? 'dispute' : 'dispute_reversal',
    description: `Chargeback ${withdraws ? 'withdrawal' : 'reversal'} for ${String(dispute.charge)}`,
  })
  const moved = change(account, dispute, { balance_transactions: [...lines, line] })
  emit(account, `charge.dispute.${withdraws ? 'funds_withdrawn' : 'funds_reinstated'}`, moved)
  return moved
}
