// Checks before measuring that all servers answer the same, and write the same.
import { isDeepStrictEqual } from 'node:util'
import pg from 'pg'
import { Connection, encodeRequest } from './http.ts'
import type { ServerProcess } from './processes.ts'
import type { Shape } from './rows.ts'
import { comparable, placedOrderId, requestOf, type Workload } from './workloads.ts'

const TENANTS_COMPARED = 5

/** Throws, with both answers, where two servers differ. */
export async function compareAnswers(
  servers: readonly ServerProcess[],
  workloads: readonly Workload[],
  setting: { readonly shape: Shape; readonly tokens: readonly string[] },
): Promise<void> {
  for (const workload of workloads) {
    const tenants = Math.min(TENANTS_COMPARED, setting.shape.tenants)
    for (let tenant = 1; tenant <= tenants; tenant += 1) {
      const answers: { peer: string; seen: unknown }[] = []
      for (const server of servers) {
        const body = await askOnce(server, workload, tenant, setting)
        const written = workload === 'W4' ? await rowsOf(placedOrderId(body), server.adminUrl) : null
        answers.push({
          peer: server.peer,
          seen: { answer: comparable(server.peer, workload, body), written },
        })
      }
      refuseDifference(workload, answers)
    }
  }
}

async function askOnce(
  { peer, port }: ServerProcess,
  workload: Workload,
  tenant: number,
  { shape, tokens }: { readonly shape: Shape; readonly tokens: readonly string[] },
): Promise<string> {
  const { path, body } = requestOf(peer, workload, shape, {
    tenant,
    turn: tenant,
    key: `compare-${peer}-${tenant}`,
  })
  const connection = await Connection.open(port)
  try {
    const reply = await connection.send(encodeRequest(path, tokens[tenant - 1] ?? '', body))
    const text = reply.body.toString()
    if (reply.status !== 200 || text.includes('"errors"'))
      throw new Error(`${peer} answers ${workload} with ${reply.status}: ${text.slice(0, 2_000)}`)
    return text
  } finally {
    connection.close()
  }
}

function refuseDifference(workload: Workload, answers: readonly { peer: string; seen: unknown }[]): void {
  const [first, ...others] = answers
  for (const other of others) {
    if (isDeepStrictEqual(first?.seen, other.seen)) continue
    const shown = [first, other].map((answer) => `${answer?.peer}: ${JSON.stringify(answer?.seen)}`)
    throw new Error(`the servers answer ${workload} differently:\n${shown.join('\n')}`)
  }
}

/** What an order left behind in each table, without what differs from order to order. */
async function rowsOf(orderId: string, adminUrl: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: adminUrl })
  await client.connect()
  try {
    const { rows } = await client.query(
      `SELECT o.status, o.payment_status, o.total_minor::text, o.currency, o.customer_id, o.buyer, o.shipping_address,
         o.billing_address, o.holds_stock, o.version,
         extract(epoch FROM o.hold_expires_at - o.placed_at)::numeric(9, 1)::text AS hold_seconds,
         (SELECT json_agg(json_build_array(position, variant_id, sku, title, quantity, total_minor) ORDER BY position)
          FROM order_lines l WHERE l.tenant_id = o.tenant_id AND l.order_id = o.id) AS lines,
         (SELECT json_agg(json_build_array(variant_id, reason, on_hand_delta, reserved_delta) ORDER BY variant_id)
          FROM stock_movements m WHERE m.tenant_id = o.tenant_id AND m.order_id = o.id) AS movements,
         (SELECT json_agg(json_build_array(action, subject_type, actor_kind, actor_id, actor_label, before, after - 'number'))
          FROM audit_entries a WHERE a.tenant_id = o.tenant_id AND a.subject_id = o.id) AS audit,
         (SELECT json_agg(json_build_array(type, subject_type, payload - 'number'))
          FROM outbox_events e WHERE e.tenant_id = o.tenant_id AND e.subject_id = o.id) AS events,
         (SELECT json_agg(json_build_array(operation, length(fingerprint), actor_kind, actor_id, outcome -> 'userErrors'))
          FROM idempotency_keys k WHERE k.tenant_id = o.tenant_id AND k.outcome ->> 'id' = o.id::text) AS keys
       FROM orders o WHERE o.id = $1`,
      [orderId],
    )
    return rows[0]
  } finally {
    await client.end()
  }
}
