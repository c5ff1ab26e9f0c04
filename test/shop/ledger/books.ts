// Random entries in a tenant's ledger, reading whole lists, and reading rows as a superuser.

import { newId } from '../../../src/core/ids.ts'
import type { Database } from '../../../src/db/database.ts'
import { EVERYTHING } from '../../../src/db/scope.ts'
import { randomFrom } from '../../../src/shop/demo/random.ts'
import { ACCOUNT_CODES } from '../../../src/shop/ledger/chart-of-accounts.ts'
import { postEntry, reverseEntry } from '../../../src/shop/ledger/post-entry.ts'
import type { Data, Session } from '../../support/api.ts'
import { asSuperuser, type TestDatabase } from '../../support/database.ts'

/** Entries are posted at one of so many instants, in random order: with ties, and some before existing ones. */
export const INSTANTS = 12
export const instant = (n: number) => new Date(Date.UTC(2026, 0, 1 + n))

const KINDS = ['SALE', 'REFUND', 'FEE', 'PAYOUT'] as const
const AMOUNT_MAX_MINOR = 1_000_000
/** Besides the one that makes the sum zero. */
const LINES_MAX = 5
/** One in so many entries is in yen, and one in so many is reversed. */
const YEN_EVERY = 3
export const REVERSED_EVERY = 5

/** Posts `count` entries: the same ones for the same seed, except for their ids. */
export async function postAtRandom(
  database: Database,
  tenantId: string,
  { seed, count }: { seed: string; count: number },
): Promise<void> {
  const random = randomFrom(seed)
  const account = () => random.pick(Object.values(ACCOUNT_CODES))
  const time = () => instant(random.between(0, INSTANTS - 1))
  for (let n = 0; n < count; n += 1) {
    const amounts = Array.from({ length: random.between(1, LINES_MAX) }, () =>
      BigInt(random.between(1, AMOUNT_MAX_MINOR)),
    )
    const sum = amounts.reduce((total, amount) => total + amount, 0n)
    const entry = { kind: KINDS[n % KINDS.length] ?? 'SALE', source: { type: 'Test', id: newId() } } as const
    await database.withTenant({ tenantId, writes: EVERYTHING }, async (tx) => {
      await postEntry(tx, {
        ...entry,
        currency: n % YEN_EVERY === 0 ? 'JPY' : 'USD',
        lines: [...amounts, -sum].map((amountMinor) => ({ account: account(), amountMinor })),
        postedAt: time(),
      })
      if (n % REVERSED_EVERY === 0) await reverseEntry(tx, { ...entry, postedAt: time() })
    })
  }
}

/** All nodes of a root list, page by page; `filter` is its argument. */
export async function allOf(
  session: Session,
  list: 'ledgerAccounts' | 'journalEntries',
  fields: string,
  { filter = '{}', pageSize = 50 }: { filter?: string; pageSize?: number } = {},
): Promise<Data[]> {
  const nodes: Data[] = []
  let after: string | null = null
  do {
    const data: Data = await session.data(
      `query ($after: String) { list: ${list}(first: ${pageSize}, after: $after, filter: ${filter}) {
        nodes { ${fields} } pageInfo { hasNextPage endCursor }
      } }`,
      { after },
    )
    nodes.push(...data.list.nodes)
    after = data.list.pageInfo.hasNextPage ? data.list.pageInfo.endCursor : null
  } while (after !== null)
  return nodes
}

/** The rows of a statement, as a superuser. */
export async function rowsOf<Row extends object>(
  database: TestDatabase,
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  return await asSuperuser(database, async (client) => (await client.query<Row>(sql, values)).rows)
}
