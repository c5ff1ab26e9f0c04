// The peer `raw`: fastify and pg, one hand-written statement per request, whose JSON PostgreSQL builds. No GraphQL, no
// row-level security, no validation: the limit of Node and PostgreSQL for these requests.
import { createHash } from 'node:crypto'
import fastify from 'fastify'
import pg from 'pg'
import { CONNECTIONS, HOST, type Identity, readSetting } from './setting.ts'

const { port, databaseUrl, authenticate } = readSetting()
const pool = new pg.Pool({ connectionString: databaseUrl, max: CONNECTIONS })
const app = fastify()

const INSTANT = `'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'`

const ORDER = `
  SELECT json_build_object('data', json_build_object('order', (
    SELECT json_build_object('id', id, 'number', number, 'status', status, 'version', version, 'currency', currency,
      'total', json_build_object('amountMinor', total_minor::text))
    FROM orders WHERE tenant_id = $1 AND id = $2)))::text`

// Limits are literals: as a parameter, PostgreSQL would plan the list again each time, which takes as long as reading
// it.
const PAGE_SIZE = 20

const orderList = (lines: string) => `
  WITH page AS MATERIALIZED (
    SELECT row_number() OVER (ORDER BY placed_at DESC, id DESC) AS n, orders.*
    FROM orders WHERE tenant_id = $1 ORDER BY placed_at DESC, id DESC LIMIT ${PAGE_SIZE + 1}
  )
  SELECT json_build_object('data', json_build_object('orders', json_build_object(
    'nodes', coalesce((
      SELECT json_agg(json_build_object('id', o.id, 'number', o.number, 'status', o.status,
        'placedAt', to_char(o.placed_at, ${INSTANT}),
        'total', json_build_object('amountMinor', o.total_minor::text, 'currency', o.currency),
        'customer', json_build_object('id', c.id, 'name', c.name, 'email', c.email)${lines}) ORDER BY o.n)
      FROM page o JOIN customers c ON c.tenant_id = $1 AND c.id = o.customer_id WHERE o.n <= ${PAGE_SIZE}), '[]'),
    'pageInfo', json_build_object('hasNextPage', (SELECT count(*) FROM page) > ${PAGE_SIZE},
      'endCursor', (SELECT placed_at || '|' || id FROM page WHERE n <= ${PAGE_SIZE} ORDER BY n DESC LIMIT 1)))))::text`

const LINES = `,
        'lines', json_build_object('nodes', coalesce((
          SELECT json_agg(json_build_object('sku', l.sku, 'quantity', l.quantity,
            'unitPrice', json_build_object('amountMinor', l.unit_price_minor::text),
            'total', json_build_object('amountMinor', l.total_minor::text)) ORDER BY l.position)
          FROM (SELECT * FROM order_lines WHERE tenant_id = $1 AND order_id = o.id ORDER BY position LIMIT ${PAGE_SIZE}) l), '[]'))`

/** All writes of placing an order. Returns no row when something is missing or sold out, or the key is known. */
const ORDER_PLACE = `
  WITH claimed AS (
    INSERT INTO idempotency_keys (tenant_id, operation, key, fingerprint, outcome, actor_kind, actor_id)
    VALUES ($1, 'orderPlace', $2, $3, json_build_object('id', $4::uuid, 'userErrors', '[]'::json), 'MEMBER', $8)
    ON CONFLICT DO NOTHING RETURNING key
  ), asked AS (
    SELECT * FROM unnest($6::uuid[], $7::int[]) WITH ORDINALITY AS a (variant_id, quantity, position) ORDER BY variant_id
  ), priced AS (
    SELECT a.*, v.sku, v.price_minor, v.currency, p.title
    FROM asked a
    JOIN variants v ON v.tenant_id = $1 AND v.id = a.variant_id
    JOIN products p ON p.tenant_id = $1 AND p.id = v.product_id AND p.status = 'ACTIVE'
    WHERE EXISTS (SELECT FROM claimed)
  ), reserved AS (
    UPDATE stock_levels s SET reserved = s.reserved + p.quantity FROM priced p
    WHERE s.tenant_id = $1 AND s.variant_id = p.variant_id AND s.on_hand - s.reserved >= p.quantity
    RETURNING s.variant_id
  ), numbered AS (
    UPDATE tenant_counters SET value = value + 1
    WHERE tenant_id = $1 AND name = 'order' AND (SELECT count(*) FROM reserved) = (SELECT count(*) FROM asked)
    RETURNING value
  ), placed AS (
    INSERT INTO orders (tenant_id, id, number, customer_id, currency, total_minor, hold_expires_at, buyer,
      shipping_address, billing_address)
    SELECT $1, $4, numbered.value, c.id, (SELECT min(currency) FROM priced),
      (SELECT sum(price_minor * quantity) FROM priced), now() + interval '24 hours', app.buyer_of(c),
      app.address_of(c), app.address_of(c)
    FROM numbered, customers c WHERE c.tenant_id = $1 AND c.id = $5
    RETURNING *
  ), lines AS (
    INSERT INTO order_lines
      (tenant_id, id, order_id, position, variant_id, sku, title, quantity, currency, unit_price_minor, total_minor)
    SELECT $1, uuidv7(), placed.id, p.position, p.variant_id, p.sku, p.title, p.quantity, p.currency, p.price_minor,
      p.price_minor * p.quantity
    FROM priced p, placed
    RETURNING *
  ), movements AS (
    INSERT INTO stock_movements (tenant_id, id, variant_id, reason, on_hand_delta, reserved_delta, order_id)
    SELECT $1, uuidv7(), p.variant_id, 'RESERVATION', 0, p.quantity, placed.id FROM priced p, placed
  ), made AS (
    SELECT id, json_build_object('number', number, 'status', status, 'totalMinor', total_minor::text, 'currency', currency)
      AS fields, customer_id FROM placed
  ), audit AS (
    INSERT INTO audit_entries
      (tenant_id, id, actor_kind, actor_id, actor_label, action, subject_type, subject_id, after, request_id)
    SELECT $1, uuidv7(), 'MEMBER', $8, $10, 'orderPlace', 'Order', id,
      fields::jsonb || jsonb_build_object('customerId', customer_id), $9
    FROM made
  ), event AS (
    INSERT INTO outbox_events (tenant_id, id, type, subject_type, subject_id, payload)
    SELECT $1, uuidv7(), 'order.placed', 'Order', id, fields FROM made
  )
  SELECT json_build_object('data', json_build_object('orderPlace', json_build_object(
    'order', json_build_object('id', id, 'number', number, 'status', status,
      'total', json_build_object('amountMinor', total_minor::text),
      'lines', json_build_object('nodes', (
        SELECT json_agg(json_build_object('sku', sku, 'quantity', quantity,
          'total', json_build_object('amountMinor', total_minor::text)) ORDER BY position) FROM lines))),
    'userErrors', '[]'::json)))::text
  FROM placed`

type Answer = (identity: Identity, body: Body) => [name: string, text: string, values: unknown[]]
type Body = {
  readonly id?: string
  readonly input?: {
    readonly idempotencyKey: string
    readonly customerId: string
    readonly lines: readonly { readonly variantId: string; readonly quantity: number }[]
  }
}

const LIST = orderList('')
const LIST_WITH_LINES = orderList(LINES)

let requests = 0

const answers: Record<string, Answer> = {
  W1: ({ tenantId }, { id }) => ['order', ORDER, [tenantId, id]],
  W2: ({ tenantId }) => ['orders', LIST, [tenantId]],
  W3: ({ tenantId }) => ['orders_lines', LIST_WITH_LINES, [tenantId]],
  W4: ({ tenantId, memberId, email }, { input }) => {
    requests += 1
    return [
      'order_place',
      ORDER_PLACE,
      [
        tenantId,
        input?.idempotencyKey,
        createHash('sha256').update(JSON.stringify(input)).digest(),
        crypto.randomUUID(),
        input?.customerId,
        input?.lines.map(({ variantId }) => variantId),
        input?.lines.map(({ quantity }) => quantity),
        memberId,
        `raw-${requests}`,
        email,
      ],
    ]
  },
}

for (const [path, answer] of Object.entries(answers)) {
  app.post<{ Body: Body }>(`/${path}`, async (request, reply) => {
    const [name, text, values] = answer(authenticate(request.headers.authorization), request.body)
    const { rows } = await pool.query<[string]>({ name, text, values, rowMode: 'array' })
    const [row] = rows
    if (row === undefined) return reply.code(409).send()
    return reply.type('application/json; charset=utf-8').send(row[0])
  })
}

process.once('SIGTERM', () => void app.close().then(() => pool.end()))
await app.listen({ port, host: HOST })
