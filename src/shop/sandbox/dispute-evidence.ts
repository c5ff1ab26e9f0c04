// The merchant's answer to a dispute: evidence, or accepting it. Some test evidence decides at once:
// https://docs.stripe.com/testing#disputes.
import { type Account, change, load } from './account.ts'
import { type DisputeStatus, isClosed, isInquiry, moveDispute } from './disputes.ts'
import { emit } from './events.ts'
import { group, type Params, text } from './form.ts'
import { invalid } from './problem.ts'
import type { Stored } from './store.ts'

const DECISIONS: ReadonlyMap<unknown, DisputeStatus> = new Map([
  ['winning_evidence', 'won'],
  ['losing_evidence', 'lost'],
])
const DECISIONS_OF_INQUIRY: ReadonlyMap<unknown, DisputeStatus> = new Map([
  ['winning_evidence', 'warning_closed'],
  ['losing_evidence', 'warning_closed'],
  ['escalate_inquiry_evidence', 'needs_response'],
])

/** Submits evidence. With `submit=false` it is staged until a later call submits it. */
export function updateDispute(account: Account, id: string, params: Params): Stored {
  const dispute = openOf(account, id)
  const given = group(params, 'evidence')
  const hasGiven = Object.keys(given).length > 0
  const evidence = { ...(dispute.evidence as Record<string, unknown>), ...given }
  const details = dispute.evidence_details as { has_evidence: boolean; submission_count: number }
  const fields = {
    evidence,
    evidence_details: { ...details, has_evidence: details.has_evidence || hasGiven },
    metadata: { ...(dispute.metadata as object), ...group(params, 'metadata') },
  }
  const submit = text(params, 'submit')
  if (submit === 'false' || (submit !== 'true' && !hasGiven)) {
    const staged = change(account, dispute, fields)
    emit(account, 'charge.dispute.updated', staged)
    return staged
  }
  const decisions = isInquiry(dispute) ? DECISIONS_OF_INQUIRY : DECISIONS
  const reviewed = moveDispute(
    account,
    dispute,
    isInquiry(dispute) ? 'warning_under_review' : 'under_review',
    {
      ...fields,
      evidence_details: {
        ...fields.evidence_details,
        submission_count: details.submission_count + 1,
        submission_method: 'manual',
      },
    },
  )
  const decision = decisions.get(evidence.uncategorized_text)
  return decision === undefined ? reviewed : moveDispute(account, reviewed, decision)
}

/** The merchant accepts the dispute. */
export function closeDispute(account: Account, id: string): Stored {
  const dispute = openOf(account, id)
  return moveDispute(account, dispute, isInquiry(dispute) ? 'warning_closed' : 'lost')
}

function openOf(account: Account, id: string): Stored {
  const dispute = load(account, 'dispute', id)
  if (isClosed(dispute)) throw invalid('This dispute is already closed')
  return dispute
}
