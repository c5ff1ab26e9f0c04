// A payment provider's disputes, object by object.
import { expect } from 'vitest'
import type { Api, Data, TenantKey } from '../../support/api.ts'
import { unique } from '../../support/unique.ts'
import { sendEvent } from './money.ts'

export type Movement = { id: string; amount: number; fee: number }

/** A withdrawal with a fee. */
export const withdrawal = (amount = 2_000): Movement => ({ id: unique('txn'), amount: -amount, fee: 1_500 })
/** A reinstatement; the fee stays. */
export const reinstatement = (amount = 2_000): Movement => ({ id: unique('txn'), amount, fee: 0 })

export type DisputeTold = {
  id: string
  chargeReference: string
  status: string
  amount?: number
  currency?: string
  movements?: Movement[]
}

/** The provider's object. */
function disputeObject({
  id,
  chargeReference,
  status,
  amount = 2_000,
  currency = 'usd',
  movements = [],
}: DisputeTold): object {
  return {
    id,
    object: 'dispute',
    amount,
    currency,
    charge: 'ch_of_the_intent',
    payment_intent: chargeReference,
    status,
    reason: 'fraudulent',
    created: Math.floor(Date.now() / 1_000),
    evidence_details: { due_by: 1_790_604_800, has_evidence: false, past_due: false, submission_count: 0 },
    balance_transactions: movements.map((moved) => ({
      ...moved,
      object: 'balance_transaction',
      currency,
      net: moved.amount - moved.fee,
      type: 'adjustment',
    })),
  }
}

/** Sends it as a signed event. */
export async function tellDispute(
  api: Api,
  tenant: TenantKey,
  what: 'created' | 'updated' | 'closed' | 'funds_withdrawn' | 'funds_reinstated',
  told: DisputeTold,
  at = new Date(),
): Promise<{ status: number; answer: Data }> {
  const object = disputeObject(told)
  return await sendEvent(api, tenant, { id: unique('evt'), type: `charge.dispute.${what}`, object, at })
}

/** Disputes a whole payment; returns the dispute's id. */
export async function disputePayment(api: Api, tenant: TenantKey, paymentId: string): Promise<string> {
  const query = `query ($id: ID!) { payment(id: $id) { providerReference amount { amountMinor }
    disputes(first: 1) { nodes { id } } } }`
  const { payment } = await api.as(tenant).data(query, { id: paymentId })
  const amount = Number(payment.amount.amountMinor)
  const sent = await tellDispute(api, tenant, 'created', {
    id: unique('du'),
    chargeReference: payment.providerReference,
    status: 'needs_response',
    amount,
    movements: [withdrawal(amount)],
  })
  expect(sent).toMatchObject({ status: 200, answer: { status: 'PROCESSED' } })
  return (await api.as(tenant).data(query, { id: paymentId })).payment.disputes.nodes[0].id
}
