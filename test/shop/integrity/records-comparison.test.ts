// A provider's charges against our payments: which differences are violations, and which are allowed while something is
// open.
import { describe, expect, it } from 'vitest'
import { nodeId } from '../../../src/graphql/node-ids.ts'
import { disagreements, type OurPayment } from '../../../src/shop/integrity/records-comparison.ts'
import type { BookedCharge } from '../../../src/shop/payments/provider.ts'

const ID = '0190a0c0-0000-7000-8000-000000000001'
const TENANT = '0190a0c0-0000-7000-8000-0000000000aa'
const SINCE = new Date('2026-03-01T00:00:00Z')

const payment = (changes: Partial<OurPayment> = {}): OurPayment => ({
  id: ID,
  status: 'SUCCEEDED',
  amountMinor: 2_000n,
  currency: 'USD',
  refundedMinor: 500n,
  _count: { disputes: 0 },
  refundPendingMinor: 0n,
  providerReference: 'pi_1',
  createdAt: new Date('2026-03-02T00:00:00Z'),
  ...changes,
})

const charge = (changes: Partial<BookedCharge> = {}): BookedCharge => ({
  reference: 'pi_1',
  tenantId: TENANT,
  paymentId: ID,
  status: 'SUCCEEDED',
  amountMinor: 2_000n,
  currency: 'USD',
  refundedMinor: 500n,
  isDisputed: false,
  ...changes,
})

/** The violations when our payments did not change meanwhile, or were `before`. */
function told(ours: OurPayment[], theirs: BookedCharge[], before = ours): string[] {
  const found = disagreements({ tenantId: TENANT, before, theirs, after: ours, since: SINCE })
  for (const { subjects } of found) expect(subjects).toEqual([{ type: 'Payment', id: nodeId('Payment', ID) }])
  return found.map(({ message }) => message)
}

describe('both books', () => {
  it('say nothing when they are the same, or empty', () => {
    expect(told([payment()], [charge()])).toEqual([])
    expect(told([], [])).toEqual([])
  })

  it.each([
    [
      'amount',
      charge({ amountMinor: 2_001n }),
      'here it is of 2000 (minor units of USD), at the provider of 2001',
    ],
    ['currency', charge({ currency: 'EUR' }), 'at the provider of 2000 (minor units of EUR)'],
    ['status', charge({ status: 'FAILED' }), 'here it is SUCCEEDED, at the provider FAILED'],
    ['status', charge({ status: 'PENDING' }), 'here it is SUCCEEDED, at the provider PENDING'],
    ['charge', charge({ reference: 'pi_2' }), 'here its charge is pi_1, at the provider pi_2'],
    ['dispute', charge({ isDisputed: true }), 'at the provider it is disputed, and no dispute of it is here'],
    ['refund, where more was given back', charge({ refundedMinor: 501n }), 'at the provider 501'],
    [
      'refund, where less was given back',
      charge({ refundedMinor: 0n }),
      'here 500 (minor units of USD) of it was',
    ],
  ])('disagree on the %s', (_what, theirs, message) => {
    expect(told([payment()], [theirs])).toEqual([expect.stringContaining(message)])
  })

  it('disagree on a payment that failed here and was charged there', () => {
    const failed = payment({ status: 'FAILED', refundedMinor: 0n })
    for (const status of ['SUCCEEDED', 'PENDING'] as const) {
      expect(told([failed], [charge({ status, refundedMinor: 0n })])).toEqual([
        `here it is FAILED, at the provider ${status}`,
      ])
    }
    expect(told([failed], [charge({ status: 'FAILED', refundedMinor: 0n })])).toEqual([])
    expect(told([failed], [])).toEqual([])
  })

  it('ignore what another tenant charged and refunded by the same account', () => {
    const other = '0190a0c0-0000-7000-8000-0000000000bb'
    expect(told([], [charge({ tenantId: other })])).toEqual([])
    // A restored tenant has the payment too, and later refunds are the other's.
    expect(told([payment()], [charge({ tenantId: other, refundedMinor: 2_000n })])).toEqual([])
    expect(told([payment()], [charge({ tenantId: other, refundedMinor: 499n })])).toHaveLength(1)
    expect(told([payment()], [charge(), charge({ tenantId: other, reference: 'pi_2' })])).toEqual([])
  })

  it('disagree on a charge that only the provider has', () => {
    expect(told([], [charge()])).toEqual([
      'the provider has a charge for an unknown payment: pi_1, SUCCEEDED, 2000 (minor units of USD)',
    ])
  })

  it('disagree on a payment that only we have', () => {
    expect(told([payment()], [])).toEqual(['it succeeded here, and the provider has no charge for it'])
  })

  it('disagree on a payment that was charged twice, whichever charge comes first', () => {
    const [own, other] = [charge(), charge({ reference: 'pi_2', refundedMinor: 0n })]
    const message = 'the provider has another charge for it: pi_2, SUCCEEDED, 2000 (minor units of USD)'
    expect(told([payment()], [own, other])).toEqual([message])
    expect(told([payment()], [other, own])).toEqual([message])
    expect(told([payment()], [own, { ...other, status: 'FAILED' }])).toEqual([])
  })

  it('match by the charge’s id where it does not contain the payment’s', () => {
    expect(told([payment()], [charge({ paymentId: null })])).toEqual([])
    expect(told([payment()], [charge({ paymentId: null, amountMinor: 1n })])).toHaveLength(1)
  })
})

describe('what may differ', () => {
  it('is another system’s charge on the same account', () => {
    expect(told([payment()], [charge(), charge({ reference: 'pi_9', paymentId: null })])).toEqual([])
  })

  it.each(['PENDING', 'UNKNOWN'] as const)(
    'is the outcome of a payment that is %s here, but not its amount',
    (status) => {
      const open = payment({ status, refundedMinor: 0n, providerReference: null })
      for (const theirs of ['SUCCEEDED', 'PENDING', 'FAILED'] as const) {
        expect(told([open], [charge({ status: theirs, refundedMinor: 0n })])).toEqual([])
      }
      expect(told([open], [])).toEqual([])
      expect(told([open], [charge({ amountMinor: 1n })])).toHaveLength(1)
    },
  )

  it('is a pending refund, between none of it and all of it', () => {
    const open = payment({ refundPendingMinor: 300n })
    expect(told([open], [charge({ refundedMinor: 500n })])).toEqual([])
    expect(told([open], [charge({ refundedMinor: 800n })])).toEqual([])
    expect(told([open], [charge({ refundedMinor: 801n })])).toHaveLength(1)
    expect(told([open], [charge({ refundedMinor: 499n })])).toHaveLength(1)
  })

  it('is a payment that moved while the provider was asked', () => {
    const before = [payment({ status: 'UNKNOWN', refundedMinor: 0n })]
    expect(told([payment()], [charge({ status: 'PENDING' })], before)).toEqual([])
    expect(told([payment()], [], before)).toEqual([])
    expect(told([payment()], [charge({ refundedMinor: 0n })], [payment({ refundedMinor: 0n })])).toEqual([])
    expect(told([payment()], [], [])).toEqual([])
  })

  it('is a payment from before the compared period', () => {
    expect(told([payment({ createdAt: new Date('2026-02-28T23:59:59Z') })], [])).toEqual([])
  })
})

it('a charge with a malformed payment id is reported without one', () => {
  const found = disagreements({
    tenantId: TENANT,
    before: [],
    theirs: [charge({ paymentId: "x'; DROP TABLE payments" })],
    after: [],
    since: SINCE,
  })
  expect(found).toEqual([{ message: expect.stringContaining('unknown payment: pi_1'), subjects: [] }])
})
