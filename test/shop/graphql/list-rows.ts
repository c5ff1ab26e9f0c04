// Rows for list tests: many, with ties in every sorted column.
import { newId } from '../../../src/core/ids.ts'
import type { Api, TenantKey } from '../../support/api.ts'
import { asOwner } from '../../support/database.ts'
import { insertRow } from '../../support/two-tenants.ts'

/** Of most tables; more than the default page size, so that an ignored page size is noticed. */
const ROWS = 43
/** The number of different values in a sorted column. */
const VALUES = 5

const instant = (n: number) => new Date(Date.UTC(2026, 0, 1 + (n % VALUES), 12, 0, 0, n % 3))
const word = (n: number) => ['delta', 'Alpha', 'charlie', 'bravo', 'Écho'][n % VALUES]

/** Fills the tenant's lists directly: with more rows and ties than the API would make. */
export async function seedLists(api: Api, tenant: TenantKey): Promise<void> {
  const numbers = Array.from({ length: ROWS }, (_, n) => n)
  await asOwner(api.database, api.tenantIds[tenant], async (owner) => {
    const insert = (table: string, row: Record<string, unknown>) => insertRow(owner, table, row)
    const products = numbers.map(() => newId())
    const variants = numbers.map(() => newId())
    const customers = numbers.map(() => newId())
    const orders = numbers.map(() => newId())
    const payments = numbers.map(() => newId())
    const providers = numbers.map(() => newId())
    const accounts = numbers.map(() => newId())
    for (const n of numbers) {
      await insert('products', {
        id: products[n],
        handle: `handle-${n}`,
        title: `title ${word(n * 3)}`,
        vendor: `Vendor ${n % 3}`,
        status: ['ACTIVE', 'DRAFT', 'ARCHIVED'][n % 3],
        created_at: instant(n),
        updated_at: instant(n * 2),
      })
      await insert('variants', {
        id: variants[n],
        // Every third product has three variants, two of them at one position.
        product_id: products[n - (n % 3)],
        sku: `sku-${word(n)}-${n}`,
        title: 'one',
        price_minor: BigInt(n % VALUES) * 2n ** 54n + 1n,
        currency: 'USD',
        position: n % 2,
        created_at: instant(n),
      })
      await insert('stock_levels', { variant_id: variants[n], on_hand: n })
      await insert('stock_movements', {
        id: newId(),
        variant_id: variants[n % 4],
        reason: 'RECEIPT',
        on_hand_delta: 1,
        reserved_delta: 0,
        created_at: instant(n),
      })
      await insert('customers', {
        id: customers[n],
        email: `${word(n)?.toLowerCase().replace('é', 'e')}${n}@shop.example`,
        name: `name ${word(n)}`,
        country: ['DE', 'FR', null][n % 3],
        created_at: instant(n),
      })
      await insert('orders', {
        id: orders[n],
        number: n + 1,
        customer_id: customers[n % 4],
        status: ['PLACED', 'PAID', 'FULFILLED', 'CANCELLED'][n % 4],
        holds_stock: n % 4 < 2,
        payment_status: [1, 2].includes(n % 4) ? 'PAID' : 'UNPAID',
        currency: 'USD',
        total_minor: BigInt(n % VALUES) * 2n ** 54n + 1n,
        paid_minor: [1, 2].includes(n % 4) ? BigInt(n % VALUES) * 2n ** 54n + 1n : 0n,
        placed_at: instant(n),
      })
      await insert('payments', {
        id: payments[n],
        order_id: orders[n % 4],
        provider_kind: 'MANUAL',
        method: 'manual',
        status: 'SUCCEEDED',
        currency: 'USD',
        amount_minor: BigInt(n + 1),
        created_at: instant(n),
        settled_at: instant(n),
      })
      await insert('refunds', {
        id: newId(),
        payment_id: payments[n % 4],
        currency: 'USD',
        amount_minor: BigInt(n + 1),
        created_at: instant(n),
      })
      await insert('disputes', {
        id: newId(),
        payment_id: payments[n % 4],
        reference: `du_${n}`,
        status: (['INQUIRY', 'NEEDS_RESPONSE', 'LOST', 'WON'] as const)[n % 4],
        currency: 'USD',
        amount_minor: BigInt(n + 1),
        reason: 'fraudulent',
        opened_at: instant(n),
        told_at: instant(n),
      })
      await insert('payment_providers', {
        id: providers[n],
        kind: 'SANDBOX',
        status: 'REPLACED',
        events_until: instant(n),
        account_reference: `acct-${n}`,
        secret_key: Buffer.from('sealed'),
        webhook_secret: Buffer.from('sealed'),
        sealing_key_id: 'none',
        created_at: instant(n),
      })
      await insert('provider_events', {
        id: newId(),
        provider_id: providers[n % 4],
        reference: `evt-${n}`,
        type: 'unknown',
        status: 'IGNORED',
        body: '{}',
        occurred_at: instant(n),
        received_at: instant(n),
      })
      await insert('ledger_accounts', {
        id: accounts[n],
        code: String(9_000 + n),
        name: `account ${n}`,
        type: 'ASSET',
        currency: 'USD',
        created_at: instant(n),
      })
      const entry = newId()
      await insert('journal_entries', {
        id: entry,
        kind: 'SALE',
        source_type: 'Test',
        source_id: String(n),
        posting_count: 2,
        posted_at: instant(n),
      })
      for (const position of [0, 1]) {
        await insert('postings', {
          id: newId(),
          entry_id: entry,
          position,
          account_id: accounts[position === 0 ? n % 4 : 0],
          currency: 'USD',
          amount_minor: position === 0 ? 5n : -5n,
          posted_at: instant(n),
        })
      }
    }
  })
}
