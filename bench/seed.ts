// Fills a migrated database with the rows of rows.ts. Runs as a superuser, which bypasses policies and foreign keys.
import type pg from 'pg'
import {
  CUSTOMERS_PER_TENANT,
  LINES_PER_ORDER,
  type Shape,
  STOCK_PER_VARIANT,
  sqlRowId,
  VARIANTS_PER_TENANT,
} from './rows.ts'

/** Fills the database, and leaves it vacuumed and analysed. The rows are valid, so nothing is checked. */
export async function seed(admin: pg.Client, shape: Shape): Promise<void> {
  await admin.query('SET session_replication_role = replica; SET statement_timeout = 0')
  for (const statement of statements(shape)) await admin.query(statement)
  await admin.query('VACUUM ANALYZE')
}

function statements({ tenants, ordersPerTenant, ordersOfFirst = ordersPerTenant }: Shape): string[] {
  const t = 't::int'
  const perTenant = (rows: number | string) =>
    `generate_series(1, ${tenants}) AS t, generate_series(1, ${rows}) AS n`
  const tenantId = sqlRowId('tenant', t, '0')
  const orders = `generate_series(1, ${tenants}) AS t,
    generate_series(1, CASE WHEN t = 1 THEN ${ordersOfFirst} ELSE ${ordersPerTenant} END) AS n`
  const variantNumber = `((n * 7 + k * 13) % ${VARIANTS_PER_TENANT} + 1)`
  const priceMinor = (variant: string) => `(100 + ${variant} * 37)`
  const quantity = '((n + k) % 4 + 1)'
  return [
    `INSERT INTO app.tenant_directory (id, slug) SELECT ${tenantId}, 'bench-' || t FROM generate_series(1, ${tenants}) AS t`,
    `INSERT INTO tenants (tenant_id, name, currency) SELECT ${tenantId}, 'Bench ' || t, 'USD' FROM generate_series(1, ${tenants}) AS t`,
    `INSERT INTO tenant_counters (tenant_id, name, value)
     SELECT ${tenantId}, 'order', CASE WHEN t = 1 THEN ${ordersOfFirst} ELSE ${ordersPerTenant} END
     FROM generate_series(1, ${tenants}) AS t`,
    `INSERT INTO members (tenant_id, id, email, name, role)
     SELECT ${tenantId}, ${sqlRowId('member', t, '1')}, 'owner@bench-' || t || '.example', 'Owner', 'OWNER'
     FROM generate_series(1, ${tenants}) AS t`,
    `INSERT INTO customers (tenant_id, id, email, name, city, country)
     SELECT ${tenantId}, ${sqlRowId('customer', t, 'n')}, 'customer-' || n || '@shop.example', 'Customer number ' || n, 'Springfield', 'US'
     FROM ${perTenant(CUSTOMERS_PER_TENANT)}`,
    `INSERT INTO products (tenant_id, id, handle, title)
     SELECT ${tenantId}, ${sqlRowId('product', t, 'n')}, 'product-' || n, 'Product number ' || n
     FROM ${perTenant(VARIANTS_PER_TENANT)}`,
    `INSERT INTO variants (tenant_id, id, product_id, sku, title, price_minor, currency)
     SELECT ${tenantId}, ${sqlRowId('variant', t, 'n')}, ${sqlRowId('product', t, 'n')}, 'SKU-' || n, 'Standard', ${priceMinor('n')}, 'USD'
     FROM ${perTenant(VARIANTS_PER_TENANT)}`,
    `INSERT INTO stock_levels (tenant_id, variant_id, on_hand)
     SELECT ${tenantId}, ${sqlRowId('variant', t, 'n')}, ${STOCK_PER_VARIANT} FROM ${perTenant(VARIANTS_PER_TENANT)}`,
    `INSERT INTO order_lines (tenant_id, id, order_id, position, variant_id, sku, title, quantity, currency, unit_price_minor, total_minor)
     SELECT ${tenantId}, ${sqlRowId('line', t, 'n * 8 + k')}, ${sqlRowId('order', t, 'n')}, k,
       ${sqlRowId('variant', t, variantNumber)}, 'SKU-' || ${variantNumber}, 'Product number ' || ${variantNumber},
       ${quantity}, 'USD', ${priceMinor(variantNumber)}, ${priceMinor(variantNumber)} * ${quantity}
     FROM ${orders}, generate_series(1, ${LINES_PER_ORDER}) AS k`,
    `INSERT INTO orders (tenant_id, id, number, customer_id, status, currency, total_minor, placed_at, updated_at)
     SELECT ${tenantId}, ${sqlRowId('order', t, 'n')}, n, ${sqlRowId('customer', t, `((n * 37) % ${CUSTOMERS_PER_TENANT} + 1)`)},
       'PLACED', 'USD', (SELECT sum(${priceMinor(variantNumber)} * ${quantity}) FROM generate_series(1, ${LINES_PER_ORDER}) AS k),
       timestamptz '2026-01-01' + n * interval '61.007 seconds', timestamptz '2026-01-01' + n * interval '61.007 seconds'
     FROM ${orders}`,
  ]
}
