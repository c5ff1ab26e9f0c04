// Owns: entries at random in a tenant's ledger, and what PostgreSQL says of them by other ways than the server's.
import { newId } from '../../src/core/ids.ts'
import type { Database } from '../../src/db/database.ts'
import { postEntry, reverseEntry } from '../../src/ledger/post-entry.ts'
import { ACCOUNT_CODES, type EntryLine } from '../../src/ledger/posting.ts'
import { asSuperuser, type TestDatabase } from '../support/database.ts'

/** Entries are posted at one of so many instants, in no order: with ties, and some before those that were there. */
const INSTANTS = 12
export const instant = (n: number) => new Date(Date.UTC(2026, 0, 1 + n))

const KINDS = ['SALE', 'REFUND', 'FEE', 'PAYOUT'] as const
const AMOUNT_MAX_MINOR = 1_000_000
const LINES_MAX = 6

/** A small generator of numbers from 0 up to 1: the same seed gives the same ones. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Posts `count` entries in both currencies; every fifth is then reversed. */
export async function postAtRandom(
  database: Database,
  tenantId: string,
  { seed, count }: { seed: number; count: number },
): Promise<void> {
  const random = randomFrom(seed)
  const below = (max: number) => Math.floor(random() * max)
  const codes = Object.values(ACCOUNT_CODES)
  const account = () => codes[below(codes.length)] as EntryLine['account']
  for (let n = 0; n < count; n += 1) {
    const amounts = Array.from({ length: 1 + below(LINES_MAX - 1) }, () =>
      BigInt(1 + below(AMOUNT_MAX_MINOR)),
    )
    const sum = amounts.reduce((total, amount) => total + amount, 0n)
    const lines = [...amounts, -sum].map((amountMinor) => ({ account: account(), amountMinor }))
    const entry = { kind: KINDS[n % KINDS.length] ?? 'SALE', source: { type: 'Test', id: newId() } } as const
    await database.withTenant({ tenantId }, async (tx) => {
      const currency = random() < 0.7 ? 'USD' : 'JPY'
      await postEntry(tx, { ...entry, currency, lines, postedAt: instant(below(INSTANTS)) })
      if (n % 5 === 0) await reverseEntry(tx, { ...entry, postedAt: instant(below(INSTANTS)) })
    })
  }
}

/** One row as it is, past every wall. */
export async function rowsOf<Row extends object>(
  database: TestDatabase,
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  return await asSuperuser(database, async (client) => (await client.query<Row>(sql, values)).rows)
}
