// The shop's setup for the tests: values, rights and services.
import { createGateway } from '../../src/shop/payments/gateway.ts'
import type { ModuleSetup } from '../support/module-setup.ts'
import { fixtureId } from '../support/two-tenants.ts'

/** Shorter than in production, so that tests of a silent provider finish sooner. */
const PROVIDER_TIMEOUT_MS = 3_000

export const SETUP: ModuleSetup = {
  ownValues: {
    // Codes outside the chart of accounts that every tenant has.
    ledger_accounts: { code: (_tenant, n) => String(9_000 + n) },
    // CHECKs tie the sums to the status: an unpaid order passes them.
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
    // An order has at most one pending payment, and a tenant one active account.
    payments: {
      status: () => 'SUCCEEDED',
      amount_minor: () => '1000',
      fee_minor: () => '0',
      refunded_minor: () => '0',
      refund_pending_minor: () => '0',
      charged_back_minor: () => '0',
    },
    disputes: { withdrawn_minor: () => '0', reinstated_minor: () => '0', fee_minor: () => '0' },
    order_tags: { position: (_tenant, n) => String(n) },
    payment_providers: { status: () => 'REPLACED', events_until: () => '2999-01-01T00:00:00Z' },
    // Each reverses itself: only reversals refer to another entry.
    journal_entries: {
      kind: () => 'REVERSAL',
      reverses_id: (tenant, n) => fixtureId(tenant, 'journal_entries', n),
    },
  },
  rights: {
    payments: ['select', 'insert', 'update'],
    refunds: ['select', 'insert', 'update'],
    order_lines: ['select', 'insert', 'update'],
    order_tags: ['select', 'insert', 'delete'],
    disputes: ['select', 'insert', 'update'],
    payment_providers: ['select', 'insert', 'update'],
  },
  // Agreed and received amounts cannot be changed.
  updatable: {
    orders: 'version',
    order_lines: 'refunded_quantity',
    payments: 'version',
    refunds: 'version',
    disputes: 'version',
  },
  uncheckedTables: ['journal_entries', 'postings'],
  /** Gives each entry balanced postings. */
  mendRows: async (client, tenantId) => {
    await client.query('SET LOCAL session_replication_role = replica')
    await client.query('DELETE FROM postings WHERE tenant_id = $1', [tenantId])
    await client.query(
      `INSERT INTO postings (tenant_id, id, entry_id, position, account_id, currency, amount_minor, posted_at)
       SELECT e.tenant_id, gen_random_uuid(), e.id, n, a.id, a.currency, CASE n % 2 WHEN 1 THEN 5 ELSE -5 END, e.posted_at
       FROM journal_entries e CROSS JOIN LATERAL generate_series(1, e.posting_count) n
       CROSS JOIN LATERAL (SELECT id, currency FROM ledger_accounts l WHERE l.tenant_id = e.tenant_id LIMIT 1) a
       WHERE e.tenant_id = $1`,
      [tenantId],
    )
  },
  services: ({ sealer, companionUrl, publicUrl }) => ({
    payments: {
      gateway: createGateway({ sandboxUrl: companionUrl, timeoutMs: PROVIDER_TIMEOUT_MS }),
      sealer,
      get publicUrl() {
        return publicUrl()
      },
    },
  }),
}
