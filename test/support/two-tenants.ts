// Owns: a few rows of two small tenants in every table, and a spare valid row for each. A new table joins by a line
// in ROWS; the isolation matrix fails until it has one.
import { createHash } from 'node:crypto'
import type pg from 'pg'

export interface FixtureTenant {
  key: 'a' | 'b'
  id: string
  slug: string
  ownerEmail: string
}

export const TENANT_A: FixtureTenant = {
  key: 'a',
  id: 'aaaaaaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa',
  slug: 'tenant-a',
  ownerEmail: 'member1@a.example',
}
export const TENANT_B: FixtureTenant = {
  key: 'b',
  id: 'bbbbbbbb-bbbb-7bbb-8bbb-bbbbbbbbbbbb',
  slug: 'tenant-b',
  ownerEmail: 'member1@b.example',
}

/** Rows 1 to SEEDED of each table are there after seeding; row SPARE is valid and is not. */
export const SEEDED = 2
export const SPARE = 3

export type FixtureRow = Record<string, unknown>

/** The same id for the same tenant, table and number, in every run. */
export function fixtureId(tenant: FixtureTenant, table: string, n: number): string {
  const hex = createHash('sha256').update(`${tenant.key}/${table}/${n}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** Tables in the order in which their rows may be inserted. The rows of both tenants differ in nothing but ids. */
export const ROWS: Record<string, (tenant: FixtureTenant, n: number) => FixtureRow> = {
  tenants: () => ({ name: 'Tenant', currency: 'USD' }),
  tenant_counters: (_, n) => ({ name: `series-${n}`, value: n }),
  members: (t, n) => ({
    id: fixtureId(t, 'members', n),
    // The one place where the tenants must differ: their members log in by it.
    email: `member${n}@${t.key}.example`,
    name: `Member ${n}`,
    role: n === 1 ? 'OWNER' : 'STAFF',
  }),
  products: (t, n) => ({
    id: fixtureId(t, 'products', n),
    handle: `product-${n}`,
    title: `Product ${n}`,
  }),
  variants: (t, n) => ({
    id: fixtureId(t, 'variants', n),
    product_id: fixtureId(t, 'products', 1),
    sku: `SKU-${n}`,
    title: `Variant ${n}`,
    price_minor: 100 * n,
    currency: 'USD',
  }),
  // One per variant: the spare one belongs to EXTRA_VARIANT, which has none.
  stock_levels: (t, n) => ({
    variant_id: fixtureId(t, 'variants', n === SPARE ? EXTRA_VARIANT : n),
    on_hand: 10,
  }),
  customers: (t, n) => ({
    id: fixtureId(t, 'customers', n),
    email: `customer${n}@shop.example`,
    name: `Customer ${n}`,
  }),
  orders: (t, n) => ({
    id: fixtureId(t, 'orders', n),
    number: n,
    customer_id: fixtureId(t, 'customers', 1),
    currency: 'USD',
    total_minor: 100,
  }),
  order_lines: (t, n) => ({
    id: fixtureId(t, 'order_lines', n),
    order_id: fixtureId(t, 'orders', 1),
    position: n,
    variant_id: fixtureId(t, 'variants', 1),
    sku: 'SKU-1',
    title: 'Variant 1',
    quantity: 1,
    currency: 'USD',
    unit_price_minor: 100,
    total_minor: 100,
  }),
  stock_movements: (t, n) => ({
    id: fixtureId(t, 'stock_movements', n),
    variant_id: fixtureId(t, 'variants', 1),
    reason: 'RECEIPT',
    on_hand_delta: 5,
    reserved_delta: 0,
    order_id: fixtureId(t, 'orders', 1),
  }),
  idempotency_keys: (_, n) => ({
    operation: 'orderPlace',
    key: `key-${n}`,
    fingerprint: '\\x00ff',
    outcome: '{}',
  }),
  audit_entries: (t, n) => ({
    id: fixtureId(t, 'audit_entries', n),
    actor_kind: 'SYSTEM',
    action: 'products:create',
    subject_type: 'Product',
    subject_id: fixtureId(t, 'products', 1),
    request_id: `request-${n}`,
  }),
  outbox_events: (t, n) => ({
    id: fixtureId(t, 'outbox_events', n),
    type: 'product.created',
    subject_type: 'Product',
    subject_id: fixtureId(t, 'products', 1),
    payload: '{}',
  }),
}

/** The variant without a stock level. */
const EXTRA_VARIANT = 4

/** Made by app.create_tenant, with the row of `tenants` and the counter of orders. */
const MADE_WITH_TENANT = new Set(['tenants'])

/** Fills every table for both tenants. `owner` is a connection of the owner role, outside a transaction. */
export async function seedTwoTenants(owner: pg.Client): Promise<void> {
  for (const tenant of [TENANT_A, TENANT_B]) {
    await owner.query('BEGIN')
    await owner.query(`SELECT app.create_tenant($1, $2, 'Tenant', 'USD')`, [tenant.id, tenant.slug])
    for (const [table, row] of Object.entries(ROWS)) {
      if (MADE_WITH_TENANT.has(table)) continue
      for (let n = 1; n <= SEEDED; n += 1) await insertRow(owner, table, row(tenant, n))
    }
    await insertRow(owner, 'variants', ROWS.variants?.(tenant, EXTRA_VARIANT) ?? {})
    await owner.query('COMMIT')
  }
}

/** Inserts one row and answers how many the server says it inserted. */
export async function insertRow(client: pg.Client, table: string, row: FixtureRow): Promise<number> {
  const { text, values } = insertStatement(table, row)
  return (await client.query(text, values)).rowCount ?? 0
}

/** The statement that inserts `row`, to be extended by an ON CONFLICT or RETURNING clause. */
export function insertStatement(table: string, row: FixtureRow): { text: string; values: unknown[] } {
  const columns = Object.keys(row).map((column) => `"${column}"`)
  const places = columns.map((_, index) => `$${index + 1}`)
  return {
    text: `INSERT INTO "${table}" (${columns.join(', ')}) VALUES (${places.join(', ')})`,
    values: Object.values(row),
  }
}
