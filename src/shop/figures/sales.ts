// Sales by day and by product, and the number of orders: one statement each, in the tenant's time zone. docs/money.md
// defines the figures. Nothing here writes.
import { AppError } from '../../core/errors.ts'
import type { Money } from '../../core/money.ts'
import type { TenantClient } from '../../db/database.ts'
import type { OrderStatus } from '../../generated/prisma/client.ts'
import { checkPeriod, type Period } from './period.ts'

/** `currency` null: the tenant's own. */
type Asked = Period & { readonly currency: string | null }

export type SalesDay = {
  /** `2026-01-31` */
  readonly date: string
  readonly orders: number
  readonly gross: Money
  readonly refunds: Money
  readonly chargedBack: Money
  readonly net: Money
}

/**
 * The sales of each day of the period, also of days without any, in order. Throws BAD_USER_INPUT for a bad period.
 *
 * The bounds are two days wider than the period, so that they find its rows by index in every time zone; what counts is the
 * local date. A local midnight would not do as the bound: some clocks show it twice when they are put back.
 */
export async function salesByDay(db: TenantClient, asked: Asked): Promise<SalesDay[]> {
  const { from, until } = checkPeriod(asked)
  const rows = await db.$queryRaw<
    {
      date: string
      currency: string
      orders: number
      gross: string
      refunds: string
      chargedBack: string
    }[]
  >`
    WITH own AS MATERIALIZED (
      SELECT coalesce(${asked.currency}, t.currency::text) AS currency, t.time_zone AS zone,
        (${from}::date - 1)::timestamp AT TIME ZONE 'UTC' AS earliest,
        (${until}::date + 2)::timestamp AT TIME ZONE 'UTC' AS latest
      FROM tenants t
    ), placed AS (
      SELECT (o.placed_at AT TIME ZONE own.zone)::date AS date, count(*)::int AS orders
      FROM own JOIN orders o ON o.placed_at >= own.earliest AND o.placed_at < own.latest AND o.currency = own.currency
      WHERE o.status <> 'CANCELLED' GROUP BY 1
    ), captured AS (
      SELECT (p.settled_at AT TIME ZONE own.zone)::date AS date, sum(p.amount_minor) AS amount_minor
      FROM own JOIN payments p ON p.settled_at >= own.earliest AND p.settled_at < own.latest AND p.currency = own.currency
      WHERE p.status = 'SUCCEEDED' GROUP BY 1
    ), refunded AS (
      SELECT (r.settled_at AT TIME ZONE own.zone)::date AS date, sum(r.amount_minor) AS amount_minor
      FROM own JOIN refunds r ON r.settled_at >= own.earliest AND r.settled_at < own.latest AND r.currency = own.currency
      WHERE r.status = 'SUCCEEDED' GROUP BY 1
    ), charged_back AS (
      -- A dispute has the sums of its movements; when each was, only the ledger tells.
      SELECT (e.posted_at AT TIME ZONE own.zone)::date AS date, sum(p.amount_minor) AS amount_minor
      FROM own JOIN journal_entries e
        ON e.kind = 'DISPUTE' AND e.posted_at >= own.earliest AND e.posted_at < own.latest
      JOIN postings p ON p.entry_id = e.id AND p.currency = own.currency
      JOIN ledger_accounts a ON a.id = p.account_id AND a.code = '5020'
      GROUP BY 1
    )
    SELECT to_char(day, 'YYYY-MM-DD') AS date, own.currency, coalesce(placed.orders, 0) AS orders,
      coalesce(captured.amount_minor, 0)::text AS gross, coalesce(refunded.amount_minor, 0)::text AS refunds,
      coalesce(charged_back.amount_minor, 0)::text AS "chargedBack"
    FROM own CROSS JOIN generate_series(${from}::date::timestamp, ${until}::date::timestamp, interval '1 day') day
    LEFT JOIN placed ON placed.date = day::date
    LEFT JOIN captured ON captured.date = day::date
    LEFT JOIN refunded ON refunded.date = day::date
    LEFT JOIN charged_back ON charged_back.date = day::date
    ORDER BY day`
  return rows.map(({ date, currency, orders, ...sums }) => {
    const money = (amountMinor: bigint): Money => ({ amountMinor, currency })
    const [grossMinor, refundsMinor] = [BigInt(sums.gross), BigInt(sums.refunds)]
    return {
      date,
      orders,
      gross: money(grossMinor),
      refunds: money(refundsMinor),
      chargedBack: money(BigInt(sums.chargedBack)),
      net: money(grossMinor - refundsMinor),
    }
  })
}

export const TOP_PRODUCTS_BY = ['NET', 'QUANTITY'] as const
export type TopProductsBy = (typeof TOP_PRODUCTS_BY)[number]

export type TopProduct = { readonly productId: string; readonly quantity: number; readonly net: Money }

/**
 * The products that sold best in the period's paid orders. What refunds lowered a price by counts for the refunded lines, and
 * otherwise for all lines in proportion, rounded to a minor unit. Throws BAD_USER_INPUT for a bad period.
 */
export async function topProducts(
  db: TenantClient,
  { by, first, ...asked }: Asked & { readonly by: TopProductsBy; readonly first: number },
): Promise<TopProduct[]> {
  const { from, until } = checkPeriod(asked)
  const rows = await db.$queryRaw<{ productId: string; quantity: number; net: string; currency: string }[]>`
    WITH own AS MATERIALIZED (
      SELECT coalesce(${asked.currency}, t.currency::text) AS currency, t.time_zone AS zone,
        (${from}::date - 1)::timestamp AT TIME ZONE 'UTC' AS earliest,
        (${until}::date + 2)::timestamp AT TIME ZONE 'UTC' AS latest
      FROM tenants t
    ), line AS MATERIALIZED (
      -- Materialized: the sum over an order is needed several times, and would be made as often.
      SELECT l.variant_id, l.quantity - l.refunded_quantity AS quantity, l.total_minor::numeric AS total,
        l.unit_price_minor * l.refunded_quantity AS refunded, o.total_minor AS order_total, o.reduced_minor AS reduced,
        CASE WHEN o.reduced_minor = 0 THEN 0 ELSE (
          SELECT sum(x.unit_price_minor * x.refunded_quantity) FROM order_lines x WHERE x.order_id = o.id
        ) END AS refunded_by_line
      FROM own JOIN orders o ON o.placed_at >= own.earliest AND o.placed_at < own.latest AND o.currency = own.currency
      JOIN order_lines l ON l.order_id = o.id
      WHERE o.status IN ('PAID', 'FULFILLED')
        AND (o.placed_at AT TIME ZONE own.zone)::date BETWEEN ${from}::date AND ${until}::date
    ), sold AS (
      -- A reduced price is first the refunded pieces', then in proportion that of what is left.
      SELECT variant_id, sum(quantity) AS quantity, sum(CASE
        WHEN reduced = 0 THEN total
        WHEN reduced <= refunded_by_line THEN round(total - refunded * reduced / refunded_by_line)
        WHEN order_total = refunded_by_line THEN 0
        ELSE round((total - refunded) * (order_total - reduced) / (order_total - refunded_by_line)) END) AS net
      FROM line GROUP BY variant_id
    )
    SELECT v.product_id AS "productId", sum(s.quantity)::int AS quantity, sum(s.net)::text AS net, own.currency
    FROM own CROSS JOIN sold s JOIN variants v ON v.id = s.variant_id
    GROUP BY v.product_id, own.currency
    ORDER BY CASE ${by} WHEN 'NET' THEN sum(s.net) ELSE sum(s.quantity) END DESC, v.product_id
    LIMIT ${first}`
  return rows.map(({ net, currency, ...row }) => ({ ...row, net: { amountMinor: BigInt(net), currency } }))
}

/** In the order of an order's life. */
const STATUSES: readonly OrderStatus[] = ['PLACED', 'PAID', 'FULFILLED', 'CANCELLED']

export type OrderCount = { readonly status: OrderStatus; readonly count: number }

/**
 * The number of orders in each status, of those placed in the period; without its days, of all. Throws BAD_USER_INPUT for a
 * bad period, and for one day without the other.
 */
export async function orderCounts(
  db: TenantClient,
  { from, until }: { readonly [Day in keyof Period]: string | null },
): Promise<OrderCount[]> {
  if ((from === null) !== (until === null))
    throw new AppError('BAD_USER_INPUT', 'a period takes both "from" and "until"')
  const rows =
    from === null || until === null ? await allCounts(db) : await countsOf(db, checkPeriod({ from, until }))
  return STATUSES.map((status) => rows.find((row) => row.status === status) ?? { status, count: 0 })
}

async function allCounts(db: TenantClient): Promise<OrderCount[]> {
  return await db.$queryRaw<OrderCount[]>`SELECT status, count(*)::int AS count FROM orders GROUP BY status`
}

async function countsOf(db: TenantClient, { from, until }: Period): Promise<OrderCount[]> {
  return await db.$queryRaw<OrderCount[]>`
    SELECT o.status, count(*)::int AS count
    FROM tenants t JOIN orders o ON o.placed_at >= (${from}::date - 1)::timestamp AT TIME ZONE 'UTC'
      AND o.placed_at < (${until}::date + 2)::timestamp AT TIME ZONE 'UTC'
    WHERE (o.placed_at AT TIME ZONE t.time_zone)::date BETWEEN ${from}::date AND ${until}::date
    GROUP BY o.status`
}
