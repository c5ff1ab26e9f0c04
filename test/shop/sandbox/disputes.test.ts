// Disputes: of the test payment methods and of any charge, their effects on the balance, the merchant's answers, the
// bank's decisions, and their events.
import type Stripe from 'stripe'
import { describe, expect, it } from 'vitest'
import { charged, errorOf, type Merchant, newMerchant } from './merchant.ts'

const FEE = 1_500
/** Of 20 dollars, less the fee of charging them. */
const NET = 1_912

interface Disputed extends Merchant {
  intent: Stripe.PaymentIntent
  dispute: Stripe.Dispute
}

/** The merchant with one payment of 20 dollars, disputed as the payment method says. */
async function disputed(payment_method = 'pm_card_createDispute'): Promise<Disputed> {
  const merchant = newMerchant()
  const intent = await merchant.stripe.paymentIntents.create(charged({ payment_method }))
  const { data } = await merchant.stripe.disputes.list({ payment_intent: intent.id })
  return { ...merchant, intent, dispute: data[0] as Stripe.Dispute }
}

/** The merchant with a way to dispute one payment of 20 dollars. */
async function paid() {
  const merchant = newMerchant()
  const intent = await merchant.stripe.paymentIntents.create(charged())
  const dispute = (more: object = {}) =>
    merchant.control<Stripe.Dispute>('disputes', { payment_intent: intent.id, ...more })
  return { ...merchant, intent, dispute }
}

async function balanceOf({ stripe }: Pick<Merchant, 'stripe'>): Promise<number | undefined> {
  return (await stripe.balance.retrieve()).available[0]?.amount
}

/** Each event of a dispute, oldest first, with its status and balance transactions. */
async function told({ stripe }: Pick<Merchant, 'stripe'>): Promise<unknown[]> {
  const { data } = await stripe.events.list({ limit: 100 })
  return data.toReversed().flatMap(({ type, data: { object } }) => {
    if (!('object' in object) || object.object !== 'dispute') return []
    const { status, balance_transactions: lines } = object as Stripe.Dispute
    return [[type.replace('charge.dispute.', ''), status, lines.map(({ net }) => net)]]
  })
}

const OPENED = [
  ['created', 'needs_response', []],
  ['funds_withdrawn', 'needs_response', [-3_500]],
]
const INQUIRED = ['created', 'warning_needs_response', []]

describe('a test payment method', () => {
  it.each([
    ['pm_card_createDispute', 'fraudulent'],
    ['pm_card_createDisputeProductNotReceived', 'product_not_received'],
  ])('%s: the charge succeeds, is disputed as %s, and is withdrawn', async (payment_method, reason) => {
    const merchant = await disputed(payment_method)
    const { stripe, intent, dispute } = merchant
    expect(intent).toMatchObject({ status: 'succeeded', amount_received: 2_000 })
    expect(dispute).toMatchObject({
      id: expect.stringMatching(/^du_/),
      object: 'dispute',
      amount: 2_000,
      currency: 'usd',
      charge: intent.latest_charge,
      payment_intent: intent.id,
      reason,
      status: 'needs_response',
      is_charge_refundable: false,
      livemode: false,
      metadata: {},
      evidence: { uncategorized_text: null },
      evidence_details: { has_evidence: false, past_due: false, submission_count: 0 },
      balance_transactions: [
        {
          object: 'balance_transaction',
          amount: -2_000,
          fee: FEE,
          net: -2_000 - FEE,
          currency: 'usd',
          type: 'adjustment',
          reporting_category: 'dispute',
          source: dispute.id,
        },
      ],
    })
    const [line] = dispute.balance_transactions
    expect({ ...(await stripe.balanceTransactions.retrieve(line?.id ?? '')) }).toEqual(line)
    expect(await stripe.charges.retrieve(intent.latest_charge as string)).toMatchObject({
      disputed: true,
      amount_refunded: 0,
    })
    expect(await balanceOf(merchant)).toBe(NET - 2_000 - FEE)
    expect(await told(merchant)).toEqual(OPENED)
  })

  it('pm_card_createDisputeInquiry: the bank inquires, and nothing is withdrawn', async () => {
    const merchant = await disputed('pm_card_createDisputeInquiry')
    expect(merchant.dispute).toMatchObject({
      status: 'warning_needs_response',
      is_charge_refundable: true,
      balance_transactions: [],
    })
    expect(await balanceOf(merchant)).toBe(NET)
    expect(await told(merchant)).toEqual([INQUIRED])
  })

  it('there are eight days to answer, to the end of the last', async () => {
    const { dispute } = await disputed()
    const day = new Date(dispute.created * 1_000)
    day.setUTCDate(day.getUTCDate() + 8)
    expect((dispute.evidence_details.due_by ?? 0) * 1_000).toBe(day.setUTCHours(23, 59, 59, 0))
  })
})

describe('evidence', () => {
  const answer = ({ stripe, dispute }: Disputed, uncategorized_text: string, submit?: boolean) =>
    stripe.disputes.update(dispute.id, {
      evidence: { uncategorized_text },
      ...(submit !== undefined && { submit }),
    })

  it('that wins: the amount is reinstated, not the fee, and can be refunded', async () => {
    const merchant = await disputed()
    const won = await answer(merchant, 'winning_evidence')
    expect(won).toMatchObject({
      status: 'won',
      is_charge_refundable: true,
      evidence: { uncategorized_text: 'winning_evidence' },
      evidence_details: { has_evidence: true, submission_count: 1 },
      balance_transactions: [
        { amount: -2_000 },
        {
          amount: 2_000,
          fee: 0,
          net: 2_000,
          type: 'adjustment',
          reporting_category: 'dispute_reversal',
          source: won.id,
        },
      ],
    })
    expect(await balanceOf(merchant)).toBe(NET - FEE)
    expect(await told(merchant)).toEqual([
      ...OPENED,
      ['updated', 'under_review', [-3_500]],
      ['funds_reinstated', 'won', [-3_500, 2_000]],
      ['closed', 'won', [-3_500, 2_000]],
    ])
    const charge = await merchant.stripe.charges.retrieve(won.charge as string)
    expect(charge.disputed).toBe(true)
    expect(await merchant.stripe.refunds.create({ charge: charge.id })).toMatchObject({ amount: 2_000 })
  })

  it('that loses: what was withdrawn stays so', async () => {
    const merchant = await disputed()
    expect(await answer(merchant, 'losing_evidence')).toMatchObject({ status: 'lost' })
    expect(await balanceOf(merchant)).toBe(NET - 2_000 - FEE)
    expect(await told(merchant)).toEqual([
      ...OPENED,
      ['updated', 'under_review', [-3_500]],
      ['closed', 'lost', [-3_500]],
    ])
  })

  it('of another kind is reviewed', async () => {
    const merchant = await disputed()
    expect(await answer(merchant, 'They signed for it.')).toMatchObject({
      status: 'under_review',
      evidence_details: { has_evidence: true, submission_count: 1 },
    })
    expect(await told(merchant)).toEqual([...OPENED, ['updated', 'under_review', [-3_500]]])
  })

  it('is staged with submit=false, and submitted by a later call', async () => {
    const merchant = await disputed()
    const { stripe, dispute } = merchant
    const staged = {
      status: 'needs_response',
      evidence_details: { has_evidence: true, submission_count: 0 },
    }
    expect(await answer(merchant, 'losing_evidence', false)).toMatchObject(staged)
    const noted = await stripe.disputes.update(dispute.id, { metadata: { desk: '4' } })
    expect(noted).toMatchObject({ ...staged, metadata: { desk: '4' } })
    expect(await stripe.disputes.update(dispute.id, { submit: true })).toMatchObject({
      status: 'lost',
      metadata: { desk: '4' },
      evidence: { uncategorized_text: 'losing_evidence' },
      evidence_details: { has_evidence: true, submission_count: 1 },
    })
  })

  it.each([
    ['They signed for it.', 'warning_under_review', []],
    ['winning_evidence', 'warning_closed', []],
    ['losing_evidence', 'warning_closed', []],
    ['escalate_inquiry_evidence', 'needs_response', [{ net: -3_500 }]],
  ])('of an inquiry, “%s”: %s', async (text, status, balance_transactions) => {
    const merchant = await disputed('pm_card_createDisputeInquiry')
    expect(await answer(merchant, text)).toMatchObject({ status, balance_transactions })
  })
})

describe('giving in', () => {
  it('loses the dispute, for good to the merchant', async () => {
    const merchant = await disputed()
    const { stripe, dispute } = merchant
    const close = () => stripe.disputes.close(dispute.id, {}, { idempotencyKey: 'close' })
    expect(await close()).toMatchObject({ status: 'lost', is_charge_refundable: false })
    expect(await close()).toMatchObject({ status: 'lost' })
    expect(await told(merchant)).toEqual([...OPENED, ['closed', 'lost', [-3_500]]])
    const closed = { statusCode: 400, message: 'This dispute is already closed' }
    expect(await errorOf(stripe.disputes.close(dispute.id))).toMatchObject(closed)
    expect(await errorOf(stripe.disputes.update(dispute.id, {}))).toMatchObject(closed)
  })

  it('closes an inquiry', async () => {
    const merchant = await disputed('pm_card_createDisputeInquiry')
    expect(await merchant.stripe.disputes.close(merchant.dispute.id)).toMatchObject({
      status: 'warning_closed',
      balance_transactions: [],
    })
    expect(await balanceOf(merchant)).toBe(NET)
    expect(await told(merchant)).toEqual([INQUIRED, ['closed', 'warning_closed', []]])
  })
})

describe('a dispute that a control opens', () => {
  it('is of the whole charge, as fraudulent, by default', async () => {
    const { stripe, intent, dispute } = await paid()
    const whole = await dispute()
    expect(whole).toMatchObject({ amount: 2_000, reason: 'fraudulent', status: 'needs_response' })
    expect(await stripe.disputes.retrieve(whole.id, { expand: ['charge'] })).toMatchObject({
      id: whole.id,
      payment_intent: intent.id,
      charge: { id: intent.latest_charge, disputed: true },
    })
  })

  it('is listed by its charge and its payment', async () => {
    const { stripe, intent, dispute } = await paid()
    const other = await stripe.paymentIntents.create(charged({ payment_method: 'pm_card_createDispute' }))
    const { id } = await dispute({ amount: 1, reason: 'duplicate', inquiry: true })
    const ids = async (params: Stripe.DisputeListParams) =>
      (await stripe.disputes.list(params)).data.map((listed) => listed.id)
    expect(await ids({ payment_intent: intent.id })).toEqual([id])
    expect(await ids({ charge: intent.latest_charge as string })).toEqual([id])
    expect(await ids({ charge: other.latest_charge as string })).not.toContain(id)
    expect(await ids({})).toHaveLength(2)
  })

  it('may be of a part, and two of both parts, never of more', async () => {
    const merchant = await paid()
    const { dispute } = merchant
    await dispute({ amount: 500 })
    await expect(dispute({ amount: 1_501 })).rejects.toThrow(/400 .*"param":"amount"/)
    expect(await dispute()).toMatchObject({ amount: 1_500 })
    await expect(dispute()).rejects.toThrow(/400 .*charge_disputed/)
    expect(await balanceOf(merchant)).toBe(NET - 2_000 - 2 * FEE)
  })

  it('concurrent ones never exceed the charge', async () => {
    const merchant = await paid()
    const tries = await Promise.allSettled(Array.from({ length: 5 }, () => merchant.dispute({ amount: 900 })))
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
    expect(await balanceOf(merchant)).toBe(NET - 1_800 - 2 * FEE)
  })

  it('may be of a refunded amount, which the buyer then gets twice', async () => {
    const merchant = await paid()
    await merchant.stripe.refunds.create({ payment_intent: merchant.intent.id })
    await merchant.dispute()
    expect(await balanceOf(merchant)).toBe(NET - 4_000 - FEE)
  })

  it('needs a charge that succeeded', async () => {
    const { stripe, control } = newMerchant()
    await expect(control('disputes', { payment_intent: 'pi_unheard_of' })).rejects.toThrow(
      /404 .*"param":"payment_intent"/,
    )
    const { id } = await stripe.paymentIntents.create(charged({ confirm: false }))
    await expect(control('disputes', { payment_intent: id })).rejects.toThrow(/400 .*no charge/)
    await errorOf(stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_chargeDeclined' }))
    await expect(control('disputes', { payment_intent: id })).rejects.toThrow(/400 .*did not succeed/)
  })

  it.each([{ amount: 0 }, { amount: 1.5 }, { reason: 'whim' }, { inquiry: 'yes' }, { unheard: 1 }])(
    'with %o is refused',
    async (wrong) => {
      const merchant = await paid()
      await expect(merchant.dispute(wrong)).rejects.toThrow(/^400 .*invalid_request_error/)
      expect(await told(merchant)).toEqual([])
    },
  )
})

describe('a decision', () => {
  const decide = ({ control, dispute }: Disputed, status: string) =>
    control<Stripe.Dispute>(`disputes/${dispute.id}`, { status })

  it('can be reversed: lost, then won, then lost again; the fee is taken once', async () => {
    const merchant = await disputed()
    await decide(merchant, 'under_review')
    await decide(merchant, 'lost')
    expect(await balanceOf(merchant)).toBe(NET - 2_000 - FEE)
    await decide(merchant, 'won')
    expect(await balanceOf(merchant)).toBe(NET - FEE)
    expect(await decide(merchant, 'lost')).toMatchObject({ status: 'lost', is_charge_refundable: false })
    expect(await balanceOf(merchant)).toBe(NET - 2_000 - FEE)
    expect(await told(merchant)).toEqual([
      ...OPENED,
      ['updated', 'under_review', [-3_500]],
      ['closed', 'lost', [-3_500]],
      ['funds_reinstated', 'won', [-3_500, 2_000]],
      ['closed', 'won', [-3_500, 2_000]],
      ['funds_withdrawn', 'lost', [-3_500, 2_000, -2_000]],
      ['closed', 'lost', [-3_500, 2_000, -2_000]],
    ])
  })

  it('escalates an inquiry: the funds are withdrawn then', async () => {
    const merchant = await disputed('pm_card_createDisputeInquiry')
    expect(await decide(merchant, 'needs_response')).toMatchObject({ is_charge_refundable: false })
    expect(await balanceOf(merchant)).toBe(NET - 2_000 - FEE)
    expect(await told(merchant)).toEqual([
      INQUIRED,
      ['funds_withdrawn', 'needs_response', [-3_500]],
      ['updated', 'needs_response', [-3_500]],
    ])
  })

  it('closes an inquiry, and the charge can then be disputed', async () => {
    const merchant = await disputed('pm_card_createDisputeInquiry')
    await decide(merchant, 'warning_closed')
    const again = await merchant.control('disputes', { payment_intent: merchant.intent.id })
    expect(again).toMatchObject({ amount: 2_000, status: 'needs_response' })
    expect(await balanceOf(merchant)).toBe(NET - 2_000 - FEE)
  })

  it.each([
    ['pm_card_createDispute', ['needs_response']],
    ['pm_card_createDispute', ['warning_closed']],
    ['pm_card_createDispute', ['won', 'won']],
    ['pm_card_createDispute', ['lost', 'under_review']],
    ['pm_card_createDisputeInquiry', ['won']],
    ['pm_card_createDisputeInquiry', ['warning_closed', 'needs_response']],
    ['pm_card_createDisputeInquiry', ['unheard_of']],
  ])('of %s that cannot be is refused: %o', async (payment_method, statuses) => {
    const merchant = await disputed(payment_method)
    for (const status of statuses.slice(0, -1)) await decide(merchant, status)
    const before = await told(merchant)
    await expect(decide(merchant, statuses.at(-1) ?? '')).rejects.toThrow(/^400 .*invalid_request_error/)
    expect(await told(merchant)).toEqual(before)
  })

  it('of what there is not: 404', async () => {
    const { control } = newMerchant()
    await expect(control('disputes/du_unheard_of', { status: 'won' })).rejects.toThrow(/404 .*dispute/)
  })
})

describe('a refund of a disputed charge', () => {
  const refund = ({ stripe, intent }: Omit<Disputed, 'dispute'>, amount?: number) =>
    stripe.refunds.create({ payment_intent: intent.id, ...(amount !== undefined && { amount }) })

  it.each([undefined, 1, 2_000])('of %s is refused: there is nothing left', async (amount) => {
    const merchant = await disputed()
    const error = await errorOf(refund(merchant, amount))
    expect(error).toMatchObject({ statusCode: 400, code: 'charge_disputed' })
    expect(error.message).toContain(`${merchant.intent.latest_charge} has been charged back`)
    expect(await balanceOf(merchant)).toBe(NET - 2_000 - FEE)
  })

  it('takes what is not disputed, and nothing beyond', async () => {
    const merchant = await paid()
    await merchant.dispute({ amount: 1_200 })
    expect(await errorOf(refund(merchant, 801))).toMatchObject({ code: 'charge_disputed' })
    expect(await refund(merchant, 300)).toMatchObject({ amount: 300 })
    expect(await refund(merchant)).toMatchObject({ amount: 500 })
    expect(await errorOf(refund(merchant))).toMatchObject({ code: 'charge_disputed' })
  })

  it('is as ever while the bank inquires', async () => {
    const merchant = await disputed('pm_card_createDisputeInquiry')
    expect(await refund(merchant)).toMatchObject({ amount: 2_000, status: 'succeeded' })
  })
})
