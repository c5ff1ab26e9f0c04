// The ledger's sums against plain addition, for random entries.

import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { newId } from '../../../src/core/ids.ts'
import { createLogger } from '../../../src/core/logger.ts'
import { type Database, openDatabase } from '../../../src/db/database.ts'
import { connectOwner } from '../../../src/db/owner.ts'
import { EVERYTHING } from '../../../src/db/scope.ts'
import { createTenant } from '../../../src/desk/tenants/tenant-directory.ts'
import { accountBalances, runningBalances } from '../../../src/shop/ledger/balances.ts'
import { ACCOUNT_CODES } from '../../../src/shop/ledger/chart-of-accounts.ts'
import { type NewEntry, postEntry, reverseEntry } from '../../../src/shop/ledger/post-entry.ts'
import { trialBalance } from '../../../src/shop/ledger/trial-balance.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { INSTANTS, instant, rowsOf } from './books.ts'

/** Each in its own tenant. */
const RUNS = 15
/** Beyond what a double represents exactly, and small enough that no entry of five lines exceeds 64 bits. */
const AMOUNT_MAX_MINOR = 2n ** 58n

let testDatabase: TestDatabase
let database: Database
let owner: Awaited<ReturnType<typeof connectOwner>>
beforeAll(async () => {
  testDatabase = await createTestDatabase()
  owner = await connectOwner(testDatabase.ownerUrl)
  const logger = createLogger('silent')
  database = openDatabase({ url: testDatabase.runtimeUrl, poolMax: 4, namedStatements: true, logger })
})
afterAll(async () => {
  await owner?.end()
  await database?.close()
  await testDatabase?.drop()
})

const time = fc.integer({ min: 0, max: INSTANTS - 1 }).map(instant)
const account = fc.constantFrom(...Object.values(ACCOUNT_CODES))
const amount = fc.bigInt({ min: -AMOUNT_MAX_MINOR, max: AMOUNT_MAX_MINOR }).filter((minor) => minor !== 0n)

const entry = fc
  .record({
    kind: fc.constantFrom('SALE', 'REFUND', 'FEE', 'PAYOUT'),
    currency: fc.constantFrom('USD', 'EUR', 'JPY'),
    lines: fc.array(fc.record({ account, amountMinor: amount }), { minLength: 1, maxLength: 4 }),
    last: account,
    postedAt: time,
    reversedAt: fc.option(time, { freq: 3 }),
  })
  .map(({ lines, last, ...rest }) => {
    const sum = lines.reduce((total, { amountMinor }) => total + amountMinor, 0n)
    return { ...rest, lines: [...lines, { account: last, amountMinor: -sum }] }
  })
  .filter(({ lines }) => lines.every(({ amountMinor }) => amountMinor !== 0n))

type Random = typeof entry extends fc.Arbitrary<infer Value> ? Value : never

let tenants = 0

async function aTenant(): Promise<string> {
  tenants += 1
  const member = { email: `owner@random${tenants}.example`, name: 'Owner' }
  return await createTenant(owner, {
    slug: `random-${tenants}`,
    name: 'Random',
    currency: 'USD',
    owner: member,
  })
}

async function postAll(tenantId: string, entries: Random[]): Promise<void> {
  for (const { reversedAt, ...rest } of entries) {
    const posted: NewEntry = { ...rest, source: { type: 'Test', id: newId() } }
    await database.withTenant({ tenantId, writes: EVERYTHING }, async (tx) => {
      await postEntry(tx, posted)
      if (reversedAt !== null) await reverseEntry(tx, { ...posted, postedAt: reversedAt })
    })
  }
}

type Row = { id: string; account_id: string; currency: string; amount_minor: string; posted_at: Date }

/** All postings in order of time and id, as a superuser. */
async function rowsInOrder(tenantId: string): Promise<Row[]> {
  const rows = await rowsOf<Row>(
    testDatabase,
    'SELECT id, account_id, currency, amount_minor, posted_at FROM postings WHERE tenant_id = $1',
    [tenantId],
  )
  const key = ({ posted_at, id }: Row) => `${posted_at.toISOString()} ${id}`
  return rows.sort((left, right) => (key(left) < key(right) ? -1 : 1))
}

it('any entries: balances, running balances of any postings, and the trial balance of any moment', async () => {
  const asked = fc.record({ some: fc.infiniteStream(fc.boolean()), asOf: time })
  const cases = fc.asyncProperty(
    fc.array(entry, { minLength: 1, maxLength: 10 }),
    asked,
    async (entries, ask) => {
      const tenantId = await aTenant()
      await postAll(tenantId, entries)
      const db = database.forTenant({ tenantId, writes: EVERYTHING })

      const rows = await rowsInOrder(tenantId)
      const balances = new Map<string, bigint>()
      const after = new Map<string, bigint>()
      for (const row of rows) {
        const balance = (balances.get(row.account_id) ?? 0n) + BigInt(row.amount_minor)
        balances.set(row.account_id, balance)
        after.set(row.id, balance)
      }
      expect(await accountBalances(db, [...balances.keys()])).toEqual(balances)

      const ids = rows.map(({ id }) => id).filter(() => ask.some.next().value)
      expect(await runningBalances(db, ids)).toEqual(new Map(ids.map((id) => [id, after.get(id)])))

      const trial = await trialBalance(db, ask.asOf)
      const sides = new Map(trial.rows.map(({ accountId }) => [accountId, { debit: 0n, credit: 0n }]))
      for (const { account_id, amount_minor, posted_at } of rows) {
        const side = sides.get(account_id)
        if (side === undefined) throw new Error(`account ${account_id} has no row`)
        const amountMinor = BigInt(amount_minor)
        if (posted_at > ask.asOf) continue
        if (amountMinor > 0n) side.debit += amountMinor
        else side.credit -= amountMinor
      }
      expect(
        new Map(
          trial.rows.map(({ accountId, debit, credit }) => [
            accountId,
            { debit: debit.amountMinor, credit: credit.amountMinor },
          ]),
        ),
      ).toEqual(sides)
      for (const { debit, credit, balance } of trial.rows)
        expect(balance.amountMinor).toBe(debit.amountMinor - credit.amountMinor)
      expect(trial.balanced).toBe(true)
    },
  )
  // A counterexample comes with the seed that reproduces it.
  await fc.assert(cases, { numRuns: RUNS })
})
