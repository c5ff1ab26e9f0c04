// Asks each payment provider of a tenant for its books, and ours for theirs. What the two disagree on is
// records-comparison.ts's.
import { AppError } from '../core/errors.ts'
import type { Transaction } from '../db/database.ts'
import type { BookedCharge, ProviderAccount } from '../payments/provider.ts'
import { openProvider } from '../payments/provider-record.ts'
import type { PaymentServices } from '../payments/services.ts'
import { subject, VIOLATIONS_MAX, type Violation } from './check.ts'
import { disagreements, type OurPayment } from './records-comparison.ts'
import type { OutsideCheck, VerifiedTenant } from './verify.ts'

export type ProviderAccess = Pick<PaymentServices, 'gateway' | 'sealer'>

export const SINCE_DAYS_DEFAULT = 30
export const SINCE_DAYS_MAX = 366
const DAY_MS = 24 * 3_600_000
/** Of one account. Beyond it the proof would be partial, and says so. */
const RECORDS_MAX = 50_000
/** A payment is charged at most so long after it was made: then its key is forgotten. */
const CHARGED_WITHIN_MS = DAY_MS
/** Clocks differ: the provider's list is asked from a little before. */
const CLOCK_SLACK_MS = 600_000

type Account = {
  readonly reference: string
  /** Every record of the account, the newest first: one whose key was replaced opens the same books. */
  readonly providerIds: readonly [string, ...string[]]
  /** Null: its secrets cannot be read. */
  readonly account: ProviderAccount | null
}

/**
 * The check that compares all charges of the last days with the provider's. Calls the network, outside any transaction.
 * What keeps an account from being asked is a violation: what was not compared is not proved.
 */
export function providerRecords(
  tenant: VerifiedTenant,
  access: ProviderAccess,
  sinceDays: number = SINCE_DAYS_DEFAULT,
): OutsideCheck {
  return {
    name: 'provider-records',
    description: `The payment provider's books and ours say the same of every charge of the last ${sinceDays} days.`,
    async run() {
      const since = new Date(tenant.clock().getTime() - sinceDays * DAY_MS)
      const accounts = await inTenant(tenant, (tx) => accountsOf(tx, access, since))
      const violations: Violation[] = []
      for (const account of accounts) violations.push(...(await compare(tenant, account, since)))
      return { count: violations.length, violations: violations.slice(0, VIOLATIONS_MAX) }
    },
  }
}

/** The accounts that could hold a charge since then: the present one, and those that took a payment. */
async function accountsOf(tx: Transaction, access: ProviderAccess, since: Date): Promise<Account[]> {
  const records = await tx.paymentProvider.findMany({
    where: { OR: [{ status: 'ACTIVE' }, { payments: { some: { createdAt: { gte: since } } } }] },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    select: { id: true, kind: true, accountReference: true },
  })
  const accounts: Account[] = []
  for (const group of Map.groupBy(
    records,
    (record) => `${record.kind} ${record.accountReference}`,
  ).values()) {
    const [newest, ...others] = group
    if (newest === undefined) continue
    accounts.push({
      reference: newest.accountReference,
      providerIds: [newest.id, ...others.map(({ id }) => id)],
      account: await openProvider(tx, access, newest.id),
    })
  }
  return accounts
}

async function compare(
  tenant: VerifiedTenant,
  { reference, providerIds, account }: Account,
  since: Date,
): Promise<Violation[]> {
  const about = [subject('PaymentProvider', providerIds[0])]
  const ours = () => inTenant(tenant, (tx) => paymentsOf(tx, providerIds, since))
  const before = await ours()
  const theirs = account === null ? 'its secrets cannot be read' : await chargesOf(account, since)
  if (typeof theirs === 'string') {
    return [{ message: `the account ${reference} could not be asked: ${theirs}`, subjects: about }]
  }
  const after = await ours()
  if (theirs.length > RECORDS_MAX || after.length > RECORDS_MAX) {
    const message = `the account ${reference} has more than ${RECORDS_MAX} charges: compare fewer days`
    return [{ message, subjects: about }]
  }
  return disagreements({ before, theirs, after, since })
}

/** All charges since then, or why they could not be had. */
async function chargesOf(account: ProviderAccount, since: Date): Promise<BookedCharge[] | string> {
  const charges: BookedCharge[] = []
  try {
    for await (const charge of account.bookedCharges(new Date(since.getTime() - CLOCK_SLACK_MS))) {
      charges.push(charge)
      if (charges.length > RECORDS_MAX) break
    }
    return charges
  } catch (error) {
    if (error instanceof AppError) return error.message
    throw error
  }
}

/** One more than RECORDS_MAX at most. Further back than the charges asked for, since a charge follows its payment. */
async function paymentsOf(
  tx: Transaction,
  providerIds: readonly string[],
  since: Date,
): Promise<OurPayment[]> {
  const from = new Date(since.getTime() - CHARGED_WITHIN_MS - CLOCK_SLACK_MS)
  return await tx.payment.findMany({
    where: { providerId: { in: [...providerIds] }, createdAt: { gte: from } },
    take: RECORDS_MAX + 1,
    select: {
      id: true,
      status: true,
      amountMinor: true,
      currency: true,
      refundedMinor: true,
      refundPendingMinor: true,
      providerReference: true,
      createdAt: true,
    },
  })
}

async function inTenant<T>(
  { database, scope }: VerifiedTenant,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  return await database.withTenant(scope, work)
}
