// An installation of before the order's sums were defined, upgraded: every order of every tenant satisfies the new CHECKs,
// and one that was called paid with money outstanding is to be paid again. On the embedded PostgreSQL and version 15.
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { createLogger } from '../../src/core/logger.ts'
import { examine } from '../../src/db/doctor/doctor.ts'
import { migrate } from '../../src/db/migrations/migrate.ts'
import { asAdmin } from '../support/cluster.ts'
import { TENANT_A, TENANT_B } from '../support/two-tenants.ts'
import { withDatabase, withRole } from '../support/urls.ts'
import { HAS_POSTGRES_15, startPostgres15 } from './debian-postgres.ts'

const MIGRATIONS = new URL('../../prisma/migrations', import.meta.url)
const LAST_BEFORE = '20261124000006_erasure'
const TOTAL = 10_000
const logger = createLogger('fatal')

type Taken = { at: number; amount: number; refunds?: { at: number; amount: number; status?: string }[] }
type Before = {
  status: string
  paymentStatus: string
  total?: number
  holds?: boolean
  payments: Taken[]
}

/** By name: the order as the code of before left it (`at`: in which order things happened), and as it must be now. */
const ORDERS: Record<string, { before: Before; after: Record<string, unknown> }> = {
  unpaid: {
    before: { status: 'PLACED', paymentStatus: 'UNPAID', payments: [] },
    after: { status: 'PLACED', payment_status: 'UNPAID', reduced: 0, pending: 0, returned: 0 },
  },
  'paid with 40 kept of 100': {
    before: {
      status: 'PAID',
      paymentStatus: 'PARTIALLY_REFUNDED',
      payments: [
        { at: 1, amount: 6_000, refunds: [{ at: 2, amount: 6_000 }] },
        { at: 3, amount: 4_000 },
      ],
    },
    after: { status: 'PLACED', payment_status: 'PARTIALLY_PAID', reduced: 0, version: 2, repairs: 1 },
  },
  'fulfilled with 40 kept of 100': {
    before: {
      status: 'FULFILLED',
      paymentStatus: 'PARTIALLY_REFUNDED',
      holds: false,
      payments: [
        { at: 1, amount: 6_000, refunds: [{ at: 2, amount: 6_000 }] },
        { at: 3, amount: 4_000 },
      ],
    },
    after: {
      status: 'FULFILLED',
      payment_status: 'PARTIALLY_REFUNDED',
      reduced: 6_000,
      version: 1,
      repairs: 0,
    },
  },
  'refunded in part after it was paid, a refund open and one sent back': {
    before: {
      status: 'PAID',
      paymentStatus: 'PARTIALLY_REFUNDED',
      payments: [
        {
          at: 1,
          amount: TOTAL,
          refunds: [
            { at: 2, amount: 500 },
            { at: 3, amount: 700, status: 'PENDING' },
            { at: 4, amount: 900, status: 'FAILED' },
          ],
        },
      ],
    },
    after: {
      status: 'PAID',
      payment_status: 'PARTIALLY_REFUNDED',
      reduced: 1_200,
      pending: 700,
      returned: 900,
      version: 1,
    },
  },
  'refunded wholly and cancelled': {
    before: {
      status: 'CANCELLED',
      paymentStatus: 'REFUNDED',
      holds: false,
      payments: [{ at: 1, amount: TOTAL, refunds: [{ at: 2, amount: TOTAL }] }],
    },
    after: { status: 'CANCELLED', payment_status: 'REFUNDED', reduced: TOTAL },
  },
  'paid in part and given back': {
    before: {
      status: 'PLACED',
      paymentStatus: 'PARTIALLY_REFUNDED',
      payments: [{ at: 1, amount: 6_000, refunds: [{ at: 2, amount: 1_000 }] }],
    },
    after: { status: 'PLACED', payment_status: 'PARTIALLY_PAID', reduced: 0 },
  },
  'of nothing, held': {
    before: { status: 'PLACED', paymentStatus: 'UNPAID', total: 0, payments: [] },
    after: { status: 'PAID', payment_status: 'PAID', version: 2, repairs: 1, hold_expires_at: null },
  },
  'of nothing, let go': {
    before: { status: 'PLACED', paymentStatus: 'UNPAID', total: 0, holds: false, payments: [] },
    after: { status: 'PLACED', payment_status: 'PAID', version: 1 },
  },
}

describe.each([
  { version: 'the embedded PostgreSQL', missing: false },
  { version: 'PostgreSQL 15', missing: !HAS_POSTGRES_15 },
])('on $version', ({ version, missing }) => {
  const database = `order_sums_${process.pid}`
  let adminUrl: string
  let stop: () => Promise<void> = async () => {}
  let root: string

  beforeAll(async () => {
    if (missing) return
    if (version === 'PostgreSQL 15') ({ adminUrl, stop } = await startPostgres15())
    else adminUrl = inject('cluster').adminUrl
    root = await mkdtemp(join(tmpdir(), 'bulkhead-order-sums-'))
    await asAdmin(adminUrl, async (admin) => {
      await admin.query(`DO $$ BEGIN
        CREATE ROLE sums_owner LOGIN CREATEROLE PASSWORD 'secret';
        CREATE ROLE sums_app LOGIN PASSWORD 'secret';
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bulkhead_runtime') THEN CREATE ROLE bulkhead_runtime; END IF;
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bulkhead_worker') THEN CREATE ROLE bulkhead_worker; END IF;
        GRANT bulkhead_runtime TO sums_app;
      END $$`)
      await admin.query(`CREATE DATABASE ${database} OWNER sums_owner`)
    })
  })
  afterAll(async () => {
    if (missing) return
    await asAdmin(adminUrl, async (admin) => {
      await admin.query(`DROP DATABASE ${database} WITH (FORCE)`)
      await admin.query('DROP ROLE sums_owner, sums_app')
    })
    await stop()
    await rm(root, { recursive: true })
  })

  it.skipIf(missing)('every order of every tenant is as it must be', async () => {
    const as = (role: string) => withDatabase(withRole(adminUrl, role, 'secret'), database)
    const urls = { ownerUrl: as('sums_owner'), runtimeUrl: as('sums_app') }
    const inDatabase = withDatabase(adminUrl, database)
    const older = join(root, 'older')
    await mkdir(older)
    for (const name of await readdir(MIGRATIONS)) {
      if (name <= LAST_BEFORE || name === 'migration_lock.toml')
        await cp(new URL(`${MIGRATIONS}/${name}`), join(older, name), { recursive: true })
    }
    await migrate({ ...urls, logger, migrationsDir: older })
    await asAdmin(inDatabase, async (admin) => {
      for (const { id } of [TENANT_A, TENANT_B]) await admin.query(rowsBefore(id))
    })

    await migrate({ ...urls, logger })
    for (const { id } of [TENANT_A, TENANT_B]) {
      const { rows } = await asAdmin(inDatabase, (admin) =>
        admin.query(
          `SELECT o.cancel_reason AS name, o.status, o.payment_status, o.version, o.reduced_minor::int AS reduced,
             o.refund_pending_minor::int AS pending, o.returned_minor::int AS returned, o.hold_expires_at,
             (SELECT count(*)::int FROM audit_entries a WHERE a.subject_id = o.id) AS repairs,
             o.buyer, o.shipping_address
           FROM orders o WHERE o.tenant_id = $1 ORDER BY o.number`,
          [id],
        ),
      )
      expect(rows.map(({ name }) => name)).toEqual(Object.keys(ORDERS))
      for (const row of rows) {
        expect(row).toMatchObject({ name: row.name, ...ORDERS[row.name]?.after })
        // Frozen as the customer is now: nobody knows any more how he was.
        expect(row).toMatchObject({
          buyer: { name: 'Ada', email: 'ada@buyer.example' },
          shipping_address: { city: 'Leith' },
        })
      }
    }
    expect((await examine(urls.runtimeUrl)).filter(({ level }) => level === 'error')).toEqual([])
  })
})

/** One tenant's orders, as the code of before wrote them; the name stands where no column is needed for it. */
function rowsBefore(tenantId: string): string {
  const at = (minute: number) => `timestamptz '2026-01-01 10:${String(minute).padStart(2, '0')}Z'`
  const paymentBefore = (number: number, { at: minute, amount, refunds = [] }: Taken) => {
    const sum = (...statuses: (string | undefined)[]) =>
      refunds.reduce((all, refund) => all + (statuses.includes(refund.status) ? refund.amount : 0), 0)
    const of = `tenant_id = '${tenantId}'`
    return `INSERT INTO payments (tenant_id, id, order_id, provider_kind, status, amount_minor, currency, refunded_minor,
        refund_pending_minor, method, created_at, settled_at)
      SELECT '${tenantId}', gen_random_uuid(), id, 'MANUAL', 'SUCCEEDED', ${amount}, 'USD', ${sum(undefined)}, ${sum('PENDING')},
        'manual', ${at(minute)}, ${at(minute)} FROM orders WHERE ${of} AND number = ${number};
      ${refunds
        .map(
          ({ at: then, amount: back, status = 'SUCCEEDED' }) =>
            `INSERT INTO refunds (tenant_id, id, payment_id, status, amount_minor, currency, failure_code, created_at, settled_at)
             SELECT '${tenantId}', gen_random_uuid(), p.id, '${status}', ${back}, 'USD',
               ${status === 'FAILED' ? `'REFUND_FAILED'` : 'NULL'}, ${at(then)}, ${status === 'PENDING' ? 'NULL' : at(then)}
             FROM payments p JOIN orders o ON o.tenant_id = p.tenant_id AND o.id = p.order_id
             WHERE o.${of} AND o.number = ${number} AND p.created_at = ${at(minute)};`,
        )
        .join('\n')}`
  }
  const orders = Object.entries(ORDERS).map(([name, { before }], index) => {
    const { status, paymentStatus, total = TOTAL, holds = true, payments } = before
    const paid = payments.reduce((sum, { amount }) => sum + amount, 0)
    const refunded = payments
      .flatMap(({ refunds = [] }) => refunds)
      .reduce((sum, refund) => sum + (refund.status === undefined ? refund.amount : 0), 0)
    return `INSERT INTO orders (tenant_id, id, number, customer_id, status, payment_status, currency, total_minor, paid_minor,
        refunded_minor, holds_stock, hold_expires_at, cancel_reason, placed_at)
      SELECT '${tenantId}', gen_random_uuid(), ${index + 1}, c.id, '${status}', '${paymentStatus}', 'USD', ${total}, ${paid},
        ${refunded}, ${holds}, CASE WHEN ${holds} THEN ${at(59)} END, '${name}', ${at(0)}
      FROM customers c WHERE c.tenant_id = '${tenantId}';
      ${payments.map((payment) => paymentBefore(index + 1, payment)).join('\n')}`
  })
  return `INSERT INTO app.tenant_directory (id, slug) VALUES ('${tenantId}', 'shop-${tenantId.slice(0, 8)}');
    INSERT INTO tenants (tenant_id, name, currency) VALUES ('${tenantId}', 'Shop', 'USD');
    INSERT INTO customers (tenant_id, id, email, name, city)
      VALUES ('${tenantId}', gen_random_uuid(), 'ada@buyer.example', 'Ada', 'Leith');
    ${orders.join('\n')}`
}
