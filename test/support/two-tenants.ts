// Owns: who the two small tenants of the isolation tests are, and inserting a row. Their rows are fixture.ts's: a new
// table joins by existing. The rows of both differ in nothing but ids and what OWN_VALUES says.
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
/** There too where a spare row of another table needs one that no other refers to. */
export const EXTRA = 4

export type FixtureRow = Record<string, unknown>

/** The same id for the same tenant, table and number, in every run. */
export function fixtureId(tenant: FixtureTenant, table: string, n: number): string {
  const hex = createHash('sha256').update(`${tenant.key}/${table}/${n}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** Columns whose values cannot be made up of their type and checks, and those that tests know. */
export const OWN_VALUES: Record<string, Record<string, (tenant: FixtureTenant, n: number) => string>> = {
  // The one place where the tenants must differ: their members log in by it.
  members: { email: (tenant, n) => `member${n}@${tenant.key}.example` },
  api_keys: {
    hash: (tenant, n) => `\\x${createHash('sha256').update(`${tenant.key}${n}`).digest('hex')}`,
    permissions: () => '{orders:read}',
  },
  support_grants: { expires_at: () => '2999-01-01T00:00:00Z' },
  audit_seals: { until_at: () => '2999-01-01T00:00:00Z', entry_ids: () => '{}', entry_digests: () => '{}' },
  // Of a tenant one may be under way.
  exports: { status: () => 'COMPLETED' },
  // Beside the chart that every tenant has.
  ledger_accounts: { code: (_tenant, n) => String(9_000 + n) },
  // Its checks hold its sums and states together: an order that nobody has paid.
  orders: {
    status: () => 'PLACED',
    payment_status: () => 'UNPAID',
    total_minor: () => '1000',
    paid_minor: () => '0',
    refunded_minor: () => '0',
    refund_pending_minor: () => '0',
    charged_back_minor: () => '0',
    reduced_minor: () => '0',
    returned_minor: () => '0',
  },
  // Of an order one may be under way, of a tenant one account active.
  payments: {
    status: () => 'SUCCEEDED',
    amount_minor: () => '1000',
    fee_minor: () => '0',
    refunded_minor: () => '0',
    refund_pending_minor: () => '0',
    charged_back_minor: () => '0',
  },
  disputes: { withdrawn_minor: () => '0', reinstated_minor: () => '0', fee_minor: () => '0' },
  payment_providers: { status: () => 'REPLACED', events_until: () => '2999-01-01T00:00:00Z' },
  // Reversals, of themselves: the one kind of entry that refers to another.
  journal_entries: {
    kind: () => 'REVERSAL',
    reverses_id: (tenant, n) => fixtureId(tenant, 'journal_entries', n),
  },
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
