// A merchant's account, through Stripe's library and a real sandbox: charged once, found again, refunded, whatever
// fails.

import { afterEach, describe, expect, it } from 'vitest'
import { newId } from '../../../../src/core/ids.ts'
import { createGateway } from '../../../../src/shop/payments/gateway.ts'
import type { BookedCharge, Charge, ProviderAccount } from '../../../../src/shop/payments/provider.ts'
import { stripeAccount } from '../../../../src/shop/payments/stripe/account.ts'
import { eventually } from '../../../support/eventually.ts'
import { type Merchant, newMerchant } from '../../sandbox/merchant.ts'
import { type OwnSandbox, startOwnSandbox } from '../../sandbox/own-sandbox.ts'
import { sandboxUrl } from '../../support/sandbox-url.ts'

const TIMEOUT_MS = 2_000
const LONG_AGO = new Date(0)
const TENANT = newId()
const SUMS = { amountMinor: 2_000n, currency: 'USD' }
const RETURN_URL = 'http://127.0.0.1:9/thanks'

interface Opened {
  account: ProviderAccount
  /** The same account's books, read directly. */
  merchant: Merchant
}

function open(url: string = sandboxUrl(), timeoutMs: number = TIMEOUT_MS): Opened {
  const merchant = newMerchant(url)
  const gateway = createGateway({ sandboxUrl: url, timeoutMs })
  const { secretKey } = merchant
  return { account: gateway.open({ kind: 'SANDBOX', secretKey }), merchant }
}

function chargeOf(more: Partial<Charge> = {}): Charge {
  return {
    tenantId: TENANT,
    paymentId: newId(),
    ...SUMS,
    method: 'pm_card_visa',
    returnUrl: null,
    description: 'Order 7',
    ...more,
  }
}

/** A successful charge, and the data of its refund. */
async function charged({ account }: Opened, more: Partial<Charge> = {}) {
  const charge = chargeOf(more)
  const verdict = await account.charge(charge)
  if (verdict.status !== 'SUCCEEDED') throw new Error(JSON.stringify(verdict))
  const { paymentId, amountMinor, currency } = charge
  const refundOf = (sumMinor: bigint = amountMinor) => ({
    tenantId: TENANT,
    refundId: newId(),
    paymentId,
    chargeReference: verdict.reference,
    amountMinor: sumMinor,
    currency,
    reason: null,
  })
  return { paymentId, reference: verdict.reference, refundOf }
}

async function booked({ account }: Opened, since: Date = LONG_AGO): Promise<BookedCharge[]> {
  const charges: BookedCharge[] = []
  for await (const charge of account.bookedCharges(since)) charges.push(charge)
  return charges
}

async function refundsAt({ merchant: { stripe } }: Opened): Promise<number> {
  return (await stripe.refunds.list({ limit: 100 })).data.length
}

describe('a charge', () => {
  it('that succeeds has its fee, and is in the books with our id', async () => {
    const opened = open()
    const charge = chargeOf()
    const verdict = await opened.account.charge(charge)
    expect(verdict).toEqual({ status: 'SUCCEEDED', reference: expect.stringMatching(/^pi_/), feeMinor: 88n })
    expect(await booked(opened)).toEqual([
      {
        reference: verdict.status === 'SUCCEEDED' && verdict.reference,
        tenantId: TENANT,
        paymentId: charge.paymentId,
        status: 'SUCCEEDED',
        amountMinor: 2_000n,
        currency: 'USD',
        refundedMinor: 0n,
        isDisputed: false,
      },
    ])
  })

  it.each([
    ['pm_card_chargeDeclined', 'CARD_DECLINED'],
    ['pm_card_chargeDeclinedInsufficientFunds', 'INSUFFICIENT_FUNDS'],
    ['pm_card_chargeDeclinedExpiredCard', 'CARD_EXPIRED'],
    ['pm_card_authenticationRequired', 'AUTHENTICATION_FAILED'],
  ])('of %s has FAILED with %s, at once and when it is looked up', async (method, code) => {
    const opened = open()
    const charge = chargeOf({ method })
    const verdict = await opened.account.charge(charge)
    expect(verdict).toMatchObject({
      status: 'FAILED',
      reference: expect.stringMatching(/^pi_/),
      failure: { code },
    })
    expect(await opened.account.charge(charge)).toEqual(verdict)
    const { paymentId } = charge
    const found = await opened.account.findCharge({
      ...SUMS,
      paymentId,
      reference: null,
      createdAfter: LONG_AGO,
    })
    expect(found).toEqual(verdict)
    expect(await booked(opened)).toMatchObject([{ status: 'FAILED' }])
  })

  it('with an unknown payment method, or a too large amount, has FAILED and is not in the books', async () => {
    const opened = open()
    expect(await opened.account.charge(chargeOf({ method: 'pm_unheard_of' }))).toMatchObject({
      status: 'FAILED',
      reference: null,
      failure: { code: 'METHOD_INVALID' },
    })
    expect(await opened.account.charge(chargeOf({ amountMinor: 100_000_000n }))).toMatchObject({
      status: 'FAILED',
      reference: null,
      failure: { code: 'PROVIDER_REFUSED' },
    })
    expect(await booked(opened)).toEqual([])
  })

  it.each([
    ['JPY', 500n, 500],
    ['ISK', 500n, 50_000],
    ['KWD', 1_230n, 1_230],
  ])('in %s of %s is %s there, and the same here again', async (currency, amountMinor, amount) => {
    const opened = open()
    await charged(opened, { currency, amountMinor })
    expect((await opened.merchant.stripe.paymentIntents.list()).data).toMatchObject([{ amount }])
    expect(await booked(opened)).toMatchObject([{ currency, amountMinor }])
  })

  it.each([
    ['pm_card_processing', 'SUCCEEDED'],
    ['pm_card_processingFails', 'FAILED'],
  ])('of %s is PENDING, then %s', async (method, status) => {
    const { account, merchant } = open()
    await merchant.control('settings', { processingDelayMs: 300 })
    const charge = chargeOf({ method })
    const pending = await account.charge(charge)
    expect(pending).toEqual({
      status: 'PENDING',
      reference: expect.stringMatching(/^pi_/),
      actionUrl: null,
    })
    const reference = pending.status === 'PENDING' ? pending.reference : ''
    const find = () =>
      account.findCharge({ ...SUMS, paymentId: charge.paymentId, reference, createdAfter: LONG_AGO })
    await eventually(async () => expect(await find()).toMatchObject({ status, reference }))
    if (status === 'SUCCEEDED') expect(await find()).toMatchObject({ feeMinor: 88n })
  })
})

describe('the same charge again', () => {
  it('is the same charge', async () => {
    const opened = open()
    const charge = chargeOf()
    const first = await opened.account.charge(charge)
    expect(await opened.account.charge(charge)).toEqual(first)
    expect(await booked(opened)).toHaveLength(1)
  })

  it('of another amount is refused by the provider, and proves nothing about the first', async () => {
    const opened = open()
    const charge = chargeOf()
    await opened.account.charge(charge)
    expect(await opened.account.charge({ ...charge, amountMinor: 3_000n })).toEqual({
      status: 'UNKNOWN',
      reason: 'StripeIdempotencyError (400)',
    })
    expect(await booked(opened)).toMatchObject([{ amountMinor: 2_000n }])
  })

  it.each(['pm_card_timeout_after_charge', 'pm_card_timeout_before_charge', 'pm_card_error500_after_charge'])(
    'case 36: after %s, which is UNKNOWN, it has SUCCEEDED, once',
    async (method) => {
      const opened = open()
      const charge = chargeOf({ method })
      expect(await opened.account.charge(charge)).toMatchObject({ status: 'UNKNOWN' })
      expect(await opened.account.charge(charge)).toMatchObject({ status: 'SUCCEEDED', feeMinor: 88n })
      expect(await booked(opened)).toHaveLength(1)
    },
  )

  it('case 36: after a time-out is UNKNOWN while the first is under way, then SUCCEEDED, once', async () => {
    const opened = open(undefined, 300)
    await opened.merchant.control('settings', { latencyMs: 1_500 })
    const charge = chargeOf()
    expect(await opened.account.charge(charge)).toEqual({
      status: 'UNKNOWN',
      reason: 'StripeConnectionError',
    })
    expect(await opened.account.charge(charge)).toMatchObject({ status: 'UNKNOWN' })
    await opened.merchant.control('settings', { latencyMs: 0 })
    await eventually(async () =>
      expect(await opened.account.charge(charge)).toMatchObject({ status: 'SUCCEEDED' }),
    )
    expect(await booked(opened)).toHaveLength(1)
  })

  it('ten at once are one charge: each returns it, or UNKNOWN', async () => {
    const opened = open()
    await opened.merchant.control('settings', { latencyMs: 50 })
    const charge = chargeOf()
    const verdicts = await Promise.all(Array.from({ length: 10 }, () => opened.account.charge(charge)))
    const statuses = new Set(verdicts.map(({ status }) => status))
    expect(statuses).toContain('SUCCEEDED')
    expect([...statuses].filter((status) => status !== 'SUCCEEDED' && status !== 'UNKNOWN')).toEqual([])
    expect(await booked(opened)).toHaveLength(1)
  })
})

describe('a provider that is gone', () => {
  let sandbox: OwnSandbox | undefined
  afterEach(() => sandbox?.close())

  it('leaves everything UNKNOWN; when it is back, earlier calls happen once', async () => {
    sandbox = await startOwnSandbox()
    const opened = open(sandbox.url)
    const { account } = opened
    const before = await charged(opened)
    await sandbox.kill()
    const [charge, refund] = [chargeOf(), before.refundOf(500n)]
    const { paymentId, reference } = before
    const unknown = { status: 'UNKNOWN', reason: 'StripeConnectionError' }
    expect(await account.charge(charge)).toEqual(unknown)
    expect(await account.refund(refund)).toEqual(unknown)
    expect(await account.cancelCharge(reference)).toEqual(unknown)
    expect(await account.findCharge({ ...SUMS, paymentId, reference, createdAfter: LONG_AGO })).toEqual(
      unknown,
    )
    expect(await account.findCharge({ ...SUMS, paymentId, reference: null, createdAfter: LONG_AGO })).toEqual(
      unknown,
    )
    expect(await account.findRefund({ ...refund, reference: null })).toEqual(unknown)
    await expect(account.feeOf(reference)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    await expect(booked(opened)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })

    await sandbox.restart()
    expect(await account.charge(charge)).toMatchObject({ status: 'SUCCEEDED' })
    expect(await account.charge(charge)).toMatchObject({ status: 'SUCCEEDED' })
    expect(await account.refund(refund)).toMatchObject({ status: 'SUCCEEDED' })
    expect(await booked(opened)).toHaveLength(2)
    expect(await refundsAt(opened)).toBe(1)
  })
})

describe('a charge that is looked for', () => {
  it('is found by our id behind hundreds of others, without the key', async () => {
    const opened = open()
    const { stripe } = opened.merchant
    const { paymentId, reference } = await charged(opened)
    const other = () => stripe.paymentIntents.create({ amount: 100, currency: 'usd' })
    for (let made = 0; made < 210; made += 30) await Promise.all(Array.from({ length: 30 }, other))
    const find = (createdAfter: Date) =>
      opened.account.findCharge({ ...SUMS, paymentId, reference: null, createdAfter })
    expect(await find(new Date(Date.now() - 600_000))).toEqual({
      status: 'SUCCEEDED',
      reference,
      feeMinor: 88n,
    })
    // Not when asked for from that late on.
    expect(await find(new Date(Date.now() + 600_000))).toBeNull()
  })

  it('and was never made is null, by either id', async () => {
    const { account } = open()
    const charge = { paymentId: newId(), createdAfter: LONG_AGO }
    expect(await account.findCharge({ ...SUMS, ...charge, reference: null })).toBeNull()
    expect(await account.findCharge({ ...SUMS, ...charge, reference: 'pi_unheard_of' })).toBeNull()
  })

  it('cross-account: is not found in another account, nor refunded or cancelled there', async () => {
    const owner = open()
    const other = open()
    const { paymentId, reference, refundOf } = await charged(owner)
    for (const known of [reference, null]) {
      expect(
        await other.account.findCharge({ ...SUMS, paymentId, reference: known, createdAfter: LONG_AGO }),
      ).toBeNull()
    }
    expect((await other.account.refund(refundOf())).status).not.toBe('SUCCEEDED')
    expect((await other.account.cancelCharge(reference)).status).toBe('UNKNOWN')
    expect(await booked(other)).toEqual([])
    expect(await booked(owner)).toMatchObject([{ status: 'SUCCEEDED', refundedMinor: 0n }])
  })

  it('in a list that is too long to read is UNKNOWN, not missing', async () => {
    const { stripe } = newMerchant()
    for (let made = 0; made < 4; made += 1)
      await stripe.paymentIntents.create({ amount: 100, currency: 'usd' })
    const account = stripeAccount(stripe, { listedMax: 3 })
    const find = () =>
      account.findCharge({ ...SUMS, paymentId: newId(), reference: null, createdAfter: LONG_AGO })
    expect(await find()).toEqual({ status: 'UNKNOWN', reason: expect.stringContaining('longer than 3') })
    await expect(booked({ account, merchant: newMerchant() })).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.stringContaining('longer than 3'),
    })
  })
})

describe('a charge that is to be cancelled', () => {
  it('while its buyer is asked has FAILED for good', async () => {
    const { account, merchant } = open()
    const asked = await account.charge(
      chargeOf({ method: 'pm_card_authenticationRequired', returnUrl: RETURN_URL }),
    )
    if (asked.status !== 'PENDING') throw new Error(JSON.stringify(asked))
    const { reference, actionUrl } = asked
    expect(actionUrl).toMatch(/^http:.*\/authenticate\//)
    const cancelled = { status: 'FAILED', reference, failure: { code: 'ABANDONED' } }
    expect(await account.cancelCharge(reference)).toMatchObject(cancelled)
    await fetch(actionUrl ?? '', { method: 'POST', body: new URLSearchParams({ answer: 'approve' }) }).catch(
      () => null,
    )
    expect(await account.cancelCharge(reference)).toMatchObject(cancelled)
    expect(await merchant.stripe.paymentIntents.retrieve(reference)).toMatchObject({ status: 'canceled' })
  })

  it('but has proceeded meanwhile keeps its state', async () => {
    const opened = open()
    const { reference } = await charged(opened)
    expect(await opened.account.cancelCharge(reference)).toEqual({
      status: 'SUCCEEDED',
      reference,
      feeMinor: 88n,
    })
    await opened.merchant.control('settings', { processingDelayMs: 60_000 })
    const processing = await opened.account.charge(chargeOf({ method: 'pm_card_processing' }))
    if (processing.status !== 'PENDING') throw new Error(JSON.stringify(processing))
    expect(await opened.account.cancelCharge(processing.reference)).toEqual(processing)
  })
})

describe('a refund', () => {
  it('in parts and the same one again gives back each part once', async () => {
    const opened = open()
    const { refundOf } = await charged(opened)
    const [first, second] = [refundOf(500n), refundOf(1_500n)]
    const verdict = await opened.account.refund(first)
    expect(verdict).toEqual({ status: 'SUCCEEDED', reference: expect.stringMatching(/^re_/) })
    expect(await opened.account.refund(first)).toEqual(verdict)
    expect(await booked(opened)).toMatchObject([{ refundedMinor: 500n }])
    expect(await opened.account.refund(second)).toMatchObject({ status: 'SUCCEEDED' })
    expect(await booked(opened)).toMatchObject([{ refundedMinor: 2_000n }])
  })

  it('of more than is left has FAILED, and nothing is given back', async () => {
    const opened = open()
    const { refundOf } = await charged(opened)
    await opened.account.refund(refundOf(1_500n))
    expect(await opened.account.refund(refundOf(501n))).toMatchObject({
      status: 'FAILED',
      reference: null,
      failure: { code: 'REFUND_FAILED' },
    })
    expect(await booked(opened)).toMatchObject([{ refundedMinor: 1_500n }])
  })

  it.each([
    ['pm_card_refundPending', 'SUCCEEDED', 2_000n],
    ['pm_card_refundFail', 'FAILED', 0n],
  ])('of what %s paid is PENDING, then %s', async (method, status, refundedMinor) => {
    const opened = open()
    await opened.merchant.control('settings', { processingDelayMs: 300 })
    const { refundOf } = await charged(opened, { method })
    const refund = refundOf()
    const pending = await opened.account.refund(refund)
    expect(pending).toEqual({ status: 'PENDING', reference: expect.stringMatching(/^re_/) })
    const reference = pending.status === 'PENDING' ? pending.reference : ''
    await eventually(async () =>
      expect(await opened.account.findRefund({ ...refund, reference })).toMatchObject({ status, reference }),
    )
    expect(await booked(opened)).toMatchObject([{ refundedMinor }])
  })

  it('whose answer is lost is UNKNOWN, is found by our id, and happened once', async () => {
    const opened = open()
    const { refundOf } = await charged(opened, { method: 'pm_card_refundTimeout' })
    const refund = refundOf()
    expect(await opened.account.refund(refund)).toMatchObject({ status: 'UNKNOWN' })
    const found = await opened.account.findRefund({ ...refund, reference: null })
    expect(found).toEqual({ status: 'SUCCEEDED', reference: expect.stringMatching(/^re_/) })
    expect(await opened.account.refund(refund)).toEqual(found)
    expect(await refundsAt(opened)).toBe(1)
  })

  it('that was never made is null, by either id, even if the charge has another one', async () => {
    const opened = open()
    const { refundOf } = await charged(opened)
    await opened.account.refund(refundOf(1n))
    const refund = refundOf(2n)
    expect(await opened.account.findRefund({ ...refund, reference: null })).toBeNull()
    expect(await opened.account.findRefund({ ...refund, reference: 're_unheard_of' })).toBeNull()
  })
})

describe('the books', () => {
  it('have the fee of a successful charge, and none of any other', async () => {
    const opened = open()
    const { reference } = await charged(opened, { amountMinor: 100_000n })
    expect(await opened.account.feeOf(reference)).toBe(2_930n)
    const declined = await opened.account.charge(chargeOf({ method: 'pm_card_chargeDeclined' }))
    if (declined.status !== 'FAILED') throw new Error(JSON.stringify(declined))
    expect(await opened.account.feeOf(declined.reference ?? '')).toBeNull()
  })

  it('start at the given time, and include charges that are not ours', async () => {
    const opened = open()
    await charged(opened)
    await opened.merchant.stripe.paymentIntents.create({ amount: 100, currency: 'usd' })
    expect((await booked(opened)).map(({ paymentId }) => paymentId === null)).toEqual([true, false])
    expect(await booked(opened, new Date(Date.now() + 60_000))).toEqual([])
  })
})
