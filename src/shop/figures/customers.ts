// What customers have bought, for any number of them by one statement. Nothing here writes.
import type { Money } from '../../core/money.ts'
import type { TenantClient } from '../../db/database.ts'

export type CustomerFigures = { readonly orderCount: number; readonly lifetimeValue: Money }

/**
 * By customer: the number of orders that were not cancelled, and what the merchant keeps of all of them in the tenant's
 * currency.
 */
export async function customerFigures(
  db: TenantClient,
  customerIds: readonly string[],
): Promise<Map<string, CustomerFigures>> {
  const rows = await db.$queryRaw<{ id: string; orderCount: number; kept: string; currency: string }[]>`
    SELECT asked.id, t.currency, count(o.id) FILTER (WHERE o.status <> 'CANCELLED')::int AS "orderCount",
      coalesce(sum(o.paid_minor - o.refunded_minor - o.refund_pending_minor - o.charged_back_minor)
        FILTER (WHERE o.currency = t.currency), 0)::text AS kept
    FROM tenants t CROSS JOIN unnest(${customerIds}::uuid[]) asked (id)
    LEFT JOIN orders o ON o.customer_id = asked.id
    GROUP BY asked.id, t.currency`
  return new Map(
    rows.map(({ id, orderCount, kept, currency }) => [
      id,
      { orderCount, lifetimeValue: { amountMinor: BigInt(kept), currency } },
    ]),
  )
}
