// Plans that were made while the tables were empty, and analysed so, serve the hot commands and reads when the tables have
// grown.
import type pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Api, startApi } from '../../support/api.ts'
import { asAdmin } from '../../support/cluster.ts'
import { asSuperuser } from '../../support/database.ts'
import { fixtureTableNames } from '../../support/fixture.ts'
import { readBetween, readsOf } from '../../support/reads.ts'
import { addNote, makeCustomer, makeVariant, payOrder, placeOrder, refundPayment } from '../support/shop.ts'

const ROUNDS_BEFORE = 6
const OTHERS = 300
/** By then every connection has been used more than twice as often as before. */
const ROUNDS_UNTIL_RENEWED = 20
const ROUNDS_MEASURED = 5
const LARGE = 1_000
const SLOWLY_MS = 120_000

let api: Api
beforeAll(async () => {
  api = await startApi({ poolMax: 3 })
  await asAdmin(api.database.adminUrl, (admin) => admin.query('VACUUM ANALYZE'))
})
afterAll(() => api?.close())

/** Every row of tenant A many times more, each of another tenant; nothing is analysed. Returns the tables that are large then. */
async function grow(admin: pg.Client): Promise<string[]> {
  const large: string[] = []
  // No triggers, and no foreign keys: there are no such tenants.
  await admin.query('SET LOCAL session_replication_role = replica')
  for (const table of fixtureTableNames()) {
    const { rows } = await admin.query<{ columns: string }>(
      `SELECT string_agg(quote_ident(attname), ', ') AS columns FROM pg_attribute
       WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attname <> 'tenant_id'`,
      [table],
    )
    const columns = rows[0]?.columns
    const { rowCount } = await admin.query(
      `INSERT INTO "${table}" (tenant_id, ${columns})
       SELECT gen_random_uuid(), ${columns} FROM "${table}", generate_series(1, $2) WHERE tenant_id = $1
       ON CONFLICT DO NOTHING`,
      [api.tenantIds.A, OTHERS],
    )
    if ((rowCount ?? 0) >= LARGE) large.push(table)
  }
  return large
}

async function round(): Promise<void> {
  const owner = api.as('A')
  const customerId = await makeCustomer(owner)
  const { id: variantId } = await makeVariant(owner)
  const { id: orderId } = await placeOrder(owner, customerId, [{ variantId, quantity: 1 }])
  await refundPayment(owner, await payOrder(api, 'A', orderId))
  await addNote(owner, orderId)
  const { errors } = await owner.send(
    `query ($orderId: ID!) {
      order(id: $orderId) { number payments { nodes { id } } timeline(first: 5) { nodes { actorLabel } } }
      orders(first: 5) { nodes { id customer { name } lines(first: 5) { nodes { sku } } } }
      customers(first: 5) { nodes { id name } }
      products(first: 5) { nodes { id variants(first: 5) { nodes { id } } } }
      variants(first: 5) { nodes { id } }
    }`,
    { orderId },
  )
  expect(errors).toEqual([])
}

it(
  'no table that has grown is read as a whole',
  async () => {
    for (let count = 0; count < ROUNDS_BEFORE; count += 1) await round()
    const large = await asSuperuser(api.database, grow)
    expect(large).toEqual(expect.arrayContaining(['orders', 'idempotency_keys', 'audit_entries', 'postings']))
    for (let count = 0; count < ROUNDS_UNTIL_RENEWED; count += 1) await round()
    const reads = () => readsOf(api.database, api.opened, api.tenantIds.A)
    const before = await reads()
    for (let count = 0; count < ROUNDS_MEASURED; count += 1) await round()
    const read = readBetween(before, await reads())
    expect(large.filter((table) => (read.get(table)?.scanned ?? LARGE) > 0)).toEqual([])
  },
  SLOWLY_MS,
)
