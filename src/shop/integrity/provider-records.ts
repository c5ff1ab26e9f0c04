// Asks each payment provider of a tenant for its books, and ours for theirs. What the two disagree on is
// records-comparison.ts's.
import type { Transaction } from '../../db/database.ts'
import type { PaymentProvider } from '../../generated/prisma/client.ts'
import { SINCE_DAYS_DEFAULT, subject, VIOLATIONS_MAX, type Violation } from '../../integrity/check.ts'
import type { OutsideCheck, VerifiedTenant } from '../../integrity/verify.ts'
import type { BookedCharge, ProviderAccount } from '../payments/provider.ts'
import { hasSecrets, openSecrets } from '../payments/provider-record.ts'
import type { PaymentServices } from '../payments/services.ts'
import { disagreements, type OurPayment } from './records-comparison.ts'

export type ProviderAccess = Pick<PaymentServices, 'gateway' | 'sealer'>

const DAY_MS = 24 * 3_600_000
/** Of one account. Beyond it the proof would be partial, and says so. */
const RECORDS_MAX = 50_000
/** A payment is charged at most so long after it was made: then its key is forgotten. */
const CHARGED_WITHIN_MS = DAY_MS
/** Clocks differ: the provider's list is asked from a little before. */
const CLOCK_SLACK_MS = 600_000

/** Keys of one merchant, replaced ones included, the newest first. */
const ACCOUNT_RECORDS_MAX = 1_000

/** Whatever key it was opened with: one that was replaced opened the same books. */
type Account = {
  readonly kind: PaymentProvider['kind']
  readonly accountReference: string
  /** Of its newest record. */
  readonly providerId: string
  readonly open: () => ProviderAccount
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
    isRemote: true,
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
    include: { _count: { select: { payments: { where: { createdAt: { gte: since } } } } } },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    take: ACCOUNT_RECORDS_MAX,
  })
  const groups = Map.groupBy(records, (record) => `${record.kind} ${record.accountReference}`)
  return [...groups.values()].flatMap((group) => {
    const [newest] = group
    const isUsed = group.some(({ status, _count }) => status === 'ACTIVE' || _count.payments > 0)
    // A restored tenant has its accounts' names and not their keys: nobody can ask until it has connected them anew.
    if (newest === undefined || !isUsed || !hasSecrets(newest)) return []
    const { id: providerId, kind, accountReference } = newest
    const open = () => access.gateway.open(openSecrets(access.sealer, newest))
    return [{ kind, accountReference, providerId, open }]
  })
}

async function compare(tenant: VerifiedTenant, account: Account, since: Date): Promise<Violation[]> {
  const complain = (complaint: string): Violation[] => [
    {
      message: `the account ${account.accountReference} ${complaint}`,
      subjects: [subject('PaymentProvider', account.providerId)],
    },
  ]
  const ours = () => inTenant(tenant, (tx) => paymentsOf(tx, account, since))
  const before = await ours()
  const theirs = await chargesOf(account, since)
  if (typeof theirs === 'string') return complain(`could not be asked: ${theirs}`)
  const after = await ours()
  if (theirs.length > RECORDS_MAX || after.length > RECORDS_MAX) {
    return complain(`has more than ${RECORDS_MAX} charges: compare fewer days`)
  }
  return disagreements({ tenantId: tenant.scope.tenantId, before, theirs, after, since })
}

/**
 * All charges since then, or why they could not be had, whatever it is: secrets that do not open, a provider that does
 * not answer, an answer that makes no sense. All of it is told, as a violation; the other accounts are still asked.
 */
async function chargesOf({ open }: Account, since: Date): Promise<BookedCharge[] | string> {
  const charges: BookedCharge[] = []
  try {
    for await (const charge of open().bookedCharges(new Date(since.getTime() - CLOCK_SLACK_MS))) {
      charges.push(charge)
      if (charges.length > RECORDS_MAX) break
    }
    return charges
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** One more than RECORDS_MAX at most. Further back than the charges asked for, since a charge follows its payment. */
async function paymentsOf(
  tx: Transaction,
  { kind, accountReference }: Account,
  since: Date,
): Promise<OurPayment[]> {
  const from = new Date(since.getTime() - CHARGED_WITHIN_MS - CLOCK_SLACK_MS)
  return await tx.payment.findMany({
    where: { provider: { kind, accountReference }, createdAt: { gte: from } },
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
      _count: { select: { disputes: true } },
    },
  })
}

async function inTenant<T>(
  { database, scope }: VerifiedTenant,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  return await database.withTenant(scope, work)
}
