// Fetches the charges of each payment provider of a tenant, and our payments. records-comparison.ts compares them.
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
/** Per account. Above it the check would be partial, and fails. */
const RECORDS_MAX = 50_000
/** A payment is charged within a day, while the provider remembers its idempotency key. */
const CHARGED_WITHIN_MS = DAY_MS
/** Allows for clock differences: the provider's list is read from 10 minutes earlier. */
const CLOCK_SLACK_MS = 600_000

/** The bound of a merchant's connections, including replaced ones, newest first. */
const ACCOUNT_RECORDS_MAX = 1_000

/** An account at the provider; several connections may have opened the same one. */
type Account = {
  readonly kind: PaymentProvider['kind']
  readonly accountReference: string
  /** Of its newest connection. */
  readonly providerId: string
  readonly open: () => ProviderAccount
}

/**
 * The check that compares all charges of the last days with the provider's. Calls the network, outside any transaction.
 * An account that cannot be read is a violation, since what was not compared is not proved.
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

/** The accounts that could hold a charge since then: the active one, and those that took a payment. */
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
    // A restored tenant has its accounts' names without their keys, so they cannot be read until they are connected
    // again.
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
 * All charges since then, or the reason why they cannot be read: secrets that do not open, a provider that does not
 * answer, an invalid answer. The reason becomes a violation, and the other accounts are still read.
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

/** At most RECORDS_MAX + 1. Starts earlier than the charges, since a charge follows its payment. */
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
