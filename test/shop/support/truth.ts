// The invariants of a tenant's shop after any operation. Reads as a superuser, bypassing the policies.
import type { Api, TenantKey } from '../../support/api.ts'
import { asSuperuser } from '../../support/database.ts'

const CHECKS: { what: string; sql: string }[] = [
  {
    what: 'a stock level is not the sum of its movements',
    sql: `SELECT s.variant_id, s.on_hand, s.reserved, m.on_hand_sum, m.reserved_sum
      FROM stock_levels s LEFT JOIN (
        SELECT tenant_id, variant_id, sum(on_hand_delta) AS on_hand_sum, sum(reserved_delta) AS reserved_sum
        FROM stock_movements GROUP BY 1, 2
      ) m USING (tenant_id, variant_id)
      WHERE tenant_id = $1 AND (s.on_hand <> coalesce(m.on_hand_sum, 0) OR s.reserved <> coalesce(m.reserved_sum, 0))`,
  },
  {
    what: 'what is reserved is not what open orders have',
    sql: `SELECT s.variant_id, s.reserved, o.open FROM stock_levels s LEFT JOIN (
        SELECT l.tenant_id, l.variant_id, sum(l.quantity - l.restocked_quantity) AS open
        FROM order_lines l JOIN orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
        WHERE o.holds_stock GROUP BY 1, 2
      ) o USING (tenant_id, variant_id)
      WHERE tenant_id = $1 AND s.reserved <> coalesce(o.open, 0)`,
  },
  {
    what: 'an order is not the sum of its lines',
    sql: `SELECT o.id, o.total_minor, sum(l.total_minor) FROM orders o
      LEFT JOIN order_lines l ON l.tenant_id = o.tenant_id AND l.order_id = o.id
      WHERE o.tenant_id = $1 GROUP BY o.tenant_id, o.id
      HAVING o.total_minor IS DISTINCT FROM sum(l.total_minor)
        OR count(*) <> count(*) FILTER (WHERE l.currency = o.currency)`,
  },
  {
    what: 'order numbers have a gap, or the counter is not the last of them',
    sql: `SELECT count(*), max(o.number), c.value FROM tenant_counters c
      LEFT JOIN orders o ON o.tenant_id = c.tenant_id
      WHERE c.tenant_id = $1 AND c.name = 'order' GROUP BY c.value
      HAVING count(o.number) <> c.value OR coalesce(max(o.number), 0) <> c.value`,
  },
  {
    what: 'an order was written without its audit entry, or its event',
    sql: `SELECT o.id FROM orders o WHERE o.tenant_id = $1 AND (
        (SELECT count(*) FROM audit_entries a WHERE a.tenant_id = o.tenant_id AND a.subject_id = o.id AND a.action = 'orderPlace') <> 1
        OR (SELECT count(*) FROM outbox_events e WHERE e.tenant_id = o.tenant_id AND e.subject_id = o.id AND e.type = 'order.placed') <> 1)`,
  },
]

/** All violations. Empty for a correct shop. */
export async function untruths(api: Api, tenant: TenantKey): Promise<string[]> {
  return await asSuperuser(api.database, async (client) => {
    const found: string[] = []
    for (const { what, sql } of CHECKS) {
      const { rows } = await client.query(sql, [api.tenantIds[tenant]])
      for (const row of rows) found.push(`${what}: ${JSON.stringify(row)}`)
    }
    return found
  })
}
