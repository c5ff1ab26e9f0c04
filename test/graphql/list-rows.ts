// Owns: rows for tests of lists, in numbers and with many ties in every column that lists are sorted by.
import { newId } from '../../src/core/ids.ts'
import type { Api, TenantKey } from '../support/api.ts'
import { asOwner } from '../support/database.ts'
import { insertRow } from '../support/two-tenants.ts'

/** Of most tables; more than a page's default, so that a forgotten page size shows. */
const ROWS = 43
/** How many different values a sorted column has. */
const VALUES = 5

const instant = (n: number) => new Date(Date.UTC(2026, 0, 1 + (n % VALUES), 12, 0, 0, n % 3))
const word = (n: number) => ['delta', 'Alpha', 'charlie', 'bravo', 'Écho'][n % VALUES]

/** Fills the tenant's lists, past the API: a test wants more rows, and more ties, than a shop would have. */
export async function seedLists(api: Api, tenant: TenantKey): Promise<void> {
  const numbers = Array.from({ length: ROWS }, (_, n) => n)
  await asOwner(api.database, api.tenantIds[tenant], async (owner) => {
    const insert = (table: string, row: Record<string, unknown>) => insertRow(owner, table, row)
    const products = numbers.map(() => newId())
    const variants = numbers.map(() => newId())
    const customers = numbers.map(() => newId())
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
        id: newId(),
        number: n + 1,
        customer_id: customers[n % 4],
        status: ['PLACED', 'PAID', 'FULFILLED', 'CANCELLED'][n % 4],
        payment_status: ['UNPAID', 'PAID'][n % 2],
        currency: 'USD',
        total_minor: BigInt(n % VALUES) * 2n ** 54n + 1n,
        placed_at: instant(n),
      })
    }
  })
}
