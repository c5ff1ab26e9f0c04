// `node bench/back-office.ts`: what a back office asks for, each against what it replaces or against a page of orders: many
// price changes in one call, figures, search, alphabetical pages. By turns on one connection; prints ratios. It makes a
// temporary embedded PostgreSQL.
import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { createLogger } from '../src/core/logger.ts'
import { openDatabase } from '../src/db/database.ts'
import { readerOf } from '../src/db/reader/any-model.ts'
import type { AnyWhere } from '../src/db/reader/any-query.ts'
import { startBenchServer } from './database.ts'
import { Connection, encodeRequest } from './http.ts'
import { median } from './median.ts'
import { planOf, tokensOf } from './plans.ts'
import { startServer } from './processes.ts'
import { share, table } from './report.ts'
import { publicId, rowId, type Shape, sqlRowId } from './rows.ts'
import { requestOf } from './workloads.ts'

const SHAPE: Shape = { tenants: 1, ordersPerTenant: 30_000 }
const TENANT = 1
const PRODUCTS = 50_000
const CUSTOMERS = 30_000
/** Half of the orders are those of the first customers, 150 each; these have the others, 10 each. */
const SMALL_CUSTOMERS = 1_500
/** The added rows are numbered from here on, behind the seed's own. */
const OFFSET = 1_000
/** The most that one call takes. */
const PRICES = 250
const PRICE_CONNECTIONS = 16
/** The number of rounds, and the times that each is done in it. */
type Extent = { readonly rounds: number; readonly times: number }
const PRICE_EXTENT: Extent = { rounds: 2, times: 1 }
const SEARCH_EXTENT: Extent = { rounds: 7, times: 2 }
const EXTENT: Extent = { rounds: 9, times: 5 }
/** In one product, and in one of ten. */
const [RARE, FREQUENT] = ['quixotic', 'kettle']

const id = (kind: 'tenant' | 'customer' | 'product' | 'variant' | 'order', n: string) =>
  sqlRowId(kind, String(TENANT), n)
const EXTRA = `
  SET session_replication_role = replica;
  SET statement_timeout = 0;
  INSERT INTO products (tenant_id, id, handle, title, vendor, created_at)
    SELECT ${id('tenant', '0')}, ${id('product', `n + ${OFFSET}`)}, 'article-' || n,
      CASE WHEN n = ${PRODUCTS / 2} THEN 'The ${RARE} one ' WHEN n % 10 = 0 THEN 'Copper ${FREQUENT} ' ELSE 'Steel plate ' END || n,
      'Maker ' || n % 500, timestamptz '2025-01-01' + n * interval '10 minutes'
    FROM generate_series(1, ${PRODUCTS}) n;
  INSERT INTO variants (tenant_id, id, product_id, sku, title, price_minor, currency)
    SELECT ${id('tenant', '0')}, ${id('variant', `n + ${OFFSET}`)}, ${id('product', `n + ${OFFSET}`)}, 'PART-' || n, 'Standard', 1000, 'USD'
    FROM generate_series(1, ${PRODUCTS}) n;
  INSERT INTO stock_levels (tenant_id, variant_id, on_hand)
    SELECT ${id('tenant', '0')}, ${id('variant', `n + ${OFFSET}`)}, 100 FROM generate_series(1, ${PRODUCTS}) n;
  INSERT INTO customers (tenant_id, id, email, name, created_at)
    SELECT ${id('tenant', '0')}, ${id('customer', `n + ${OFFSET}`)}, 'person-' || n || '@shop.example',
      (ARRAY['Émile', 'anna', 'Zoë', 'Łukasz', 'Ben'])[n % 5 + 1] || ' ' || md5(n::text), timestamptz '2025-01-01' + n * interval '10 minutes'
    FROM generate_series(1, ${CUSTOMERS}) n;
  UPDATE orders SET status = 'PAID', payment_status = 'PAID', paid_minor = total_minor,
    customer_id = CASE WHEN number % 2 = 0 THEN customer_id ELSE ${id('customer', `number / 2 % ${SMALL_CUSTOMERS} + 1 + ${OFFSET}`)} END;
  INSERT INTO payments (tenant_id, id, order_id, provider_kind, provider_id, status, amount_minor, currency, method, settled_at)
    SELECT tenant_id, id, id, 'SANDBOX', gen_random_uuid(), 'SUCCEEDED', total_minor, currency, 'card', placed_at FROM orders;
  SELECT app.make_searchable('products', '{title,vendor,category}');
  SELECT app.make_searchable('products', '{sku}', source => 'variants', row_column => 'product_id');`

const ORDERS_WINDOW = 'from: "2026-01-01", until: "2026-01-30"'
const CUSTOMER = 'id name email'
const FIGURES = 'orderCount lifetimeValue { amountMinor currency }'
const PRODUCT = 'id title handle status createdAt'

/** The former search: each word by ILIKE, through all rows of the tenant. */
function ilike(word: string): AnyWhere {
  const filter = { contains: word, mode: 'insensitive' }
  return {
    OR: [
      { title: filter },
      { vendor: filter },
      { category: filter },
      { variants: { some: { sku: filter } } },
    ],
  }
}

type Work = () => Promise<unknown>

/** The time of `of` divided by that of `by`, once for each round; in a round they take turns. */
async function compare(client: Client, of: Work, by: Work, { rounds, times }: Extent): Promise<number[]> {
  const time = async (work: Work) => {
    const startedAt = performance.now()
    await work()
    return performance.now() - startedAt
  }
  const ratios: number[] = []
  for (let round = -1; round < rounds; round += 1) {
    // The server has closed connections that were idle meanwhile.
    await client.connect()
    let [ofMs, byMs] = [0, 0]
    for (let n = 0; n < times; n += 1) {
      ofMs += await time(of)
      byMs += await time(by)
    }
    // The first warms up.
    if (round >= 0) ratios.push(ofMs / byMs)
  }
  return ratios
}

async function run(dataDir: string): Promise<void> {
  const logger = createLogger('warn')
  const server = await startBenchServer(dataDir, logger)
  try {
    const urls = await server.fresh(SHAPE)
    process.stderr.write(`adding ${PRODUCTS} products and ${CUSTOMERS} customers …\n`)
    const admin = new pg.Client({ connectionString: urls.adminUrl })
    admin.on('error', () => {}) // the queries that need the connection report its loss
    await admin.connect()
    await admin.query(EXTRA)
    await admin.query('VACUUM ANALYZE')
    await admin.end()
    const api = await startServer(await planOf('bulkhead', { dataDir, database: urls }), [])
    const database = openDatabase({ url: urls.runtimeUrl, poolMax: 1, namedStatements: true, logger })
    try {
      const [token = ''] = await tokensOf(dataDir, TENANT)
      const client = clientOf(api.port, token)
      const load = loadavg()[0]
      await measure(client, readerOf(database.forTenant({ tenantId: rowId('tenant', TENANT, 0) }), 'Product'))
      process.stdout.write(`load average ${share(load)} at the start, ${share(loadavg()[0])} at the end\n`)
      client.close()
    } finally {
      await database.close()
      await api.stop()
    }
  } finally {
    await server.stop()
  }
}

type Client = {
  /** Closes the connections and opens new ones. */
  connect(): Promise<void>
  /** Sends a body, on one of the connections. Throws for an error in the answer. */
  send(body: object, connection?: number): Promise<{ data: Record<string, unknown> }>
  close(): void
}

function clientOf(port: number, token: string): Client {
  let connections: Connection[] = []
  const close = () => {
    for (const connection of connections) connection.close()
  }
  return {
    async connect() {
      close()
      connections = await Promise.all(Array.from({ length: PRICE_CONNECTIONS }, () => Connection.open(port)))
    },
    async send(body, connection = 0) {
      const reply = await connections[connection]?.send(
        encodeRequest('/graphql', token, JSON.stringify(body)),
      )
      const text = reply?.body.toString() ?? ''
      if (reply?.status !== 200 || text.includes('"errors"') || text.includes('"code"'))
        throw new Error(`${JSON.stringify(body).slice(0, 200)}: ${reply?.status} ${text.slice(0, 500)}`)
      return JSON.parse(text)
    },
    close,
  }
}

async function measure(client: Client, products: ReturnType<typeof readerOf>): Promise<void> {
  const rows: string[][] = [['what', 'time ÷', 'median', 'lowest', 'highest']]
  const add = (what: string, by: string, ratios: readonly number[]) => {
    process.stderr.write(`${what}: ${share(median(ratios))}\n`)
    rows.push([what, by, share(median(ratios)), share(Math.min(...ratios)), share(Math.max(...ratios))])
  }
  const ask = (selection: string, declared = '', variables: object = {}) => {
    const body = { query: `query Page${declared} { ${selection} }`, variables }
    return () => client.send(body)
  }

  const prices = pricesOf(client)
  add(
    `${PRICES} prices by one productVariantsUpdate`,
    `${PRICES} variantUpdate, one after another`,
    await compare(client, prices.atOnce, () => prices.oneByOne(1), PRICE_EXTENT),
  )
  add(
    'the same',
    `${PRICES} variantUpdate, ${PRICE_CONNECTIONS} at once`,
    await compare(client, prices.atOnce, () => prices.oneByOne(PRICE_CONNECTIONS), PRICE_EXTENT),
  )

  const { body } = requestOf('bulkhead', 'W2', SHAPE, { tenant: TENANT, turn: 1, key: '' })
  const orders = () => client.send(JSON.parse(body))
  const money = '{ amountMinor currency }'
  const figures = {
    'salesByDay of 30 days': ask(
      `salesByDay(${ORDERS_WINDOW}) { date orders gross ${money} refunds ${money} net ${money} }`,
    ),
    'topProducts of 30 days': ask(
      `topProducts(${ORDERS_WINDOW}) { product { id title } quantity net ${money} }`,
    ),
    '20 customers of 10 orders, with their figures': ask(
      `customers(first: 20, reverse: true) { nodes { ${CUSTOMER} ${FIGURES} } }`,
    ),
    '20 customers of 150 orders, with their figures': ask(
      `customers(first: 20) { nodes { ${CUSTOMER} ${FIGURES} } }`,
    ),
  }
  for (const [what, work] of Object.entries(figures))
    add(what, 'W2', await compare(client, work, orders, EXTENT))

  for (const [word, found] of [
    [RARE, 'in 1 product'],
    [FREQUENT, `in ${PRODUCTS / 10}`],
  ] as const) {
    const page = {
      select: { id: true, title: true, handle: true, status: true, createdAt: true },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
      take: 21,
    }
    const former = () => products.readMany({ ...page, where: ilike(word) })
    const statement = () => products.readMany({ ...page, where: { words: [word] } })
    const request = ask(
      `products(first: 20, query: $word) { nodes { ${PRODUCT} } pageInfo { hasNextPage } }`,
      '($word: String)',
      { word },
    )
    add(
      `products(query:) of a word ${found}, the whole request`,
      'the former statement by ILIKE',
      await compare(client, request, former, SEARCH_EXTENT),
    )
    add(
      'its statement alone',
      'the former statement by ILIKE',
      await compare(client, statement, former, SEARCH_EXTENT),
    )
  }

  const pageOf = (sortKey: string, after: string | null) =>
    ask(
      `customers(first: 20, sortKey: ${sortKey}, after: $after) { nodes { ${CUSTOMER} } pageInfo { hasNextPage endCursor } }`,
      '($after: String)',
      { after },
    )
  const endOf = async (sortKey: string) => {
    const { data } = await pageOf(sortKey, null)()
    return (data as { customers: { pageInfo: { endCursor: string } } }).customers.pageInfo.endCursor
  }
  add(
    'customers by name, first page',
    'by createdAt',
    await compare(client, pageOf('NAME', null), pageOf('CREATED_AT', null), EXTENT),
  )
  add(
    'customers by name, second page',
    'by createdAt',
    await compare(
      client,
      pageOf('NAME', await endOf('NAME')),
      pageOf('CREATED_AT', await endOf('CREATED_AT')),
      EXTENT,
    ),
  )
  process.stdout.write(`${table(rows)}\n`)
}

/** Gives the same variants another price each time. */
function pricesOf({ send }: Client) {
  const ids = Array.from({ length: PRICES }, (_, n) =>
    publicId(true, 'variant', rowId('variant', TENANT, OFFSET + 1 + n)),
  )
  let version = 0
  const next = () => {
    version += 1
    return ids.map((variantId) => ({
      id: variantId,
      expectedVersion: version,
      price: { amountMinor: String(1_000 + version), currency: 'USD' },
    }))
  }
  const answer = 'variant { id version price { amountMinor } } userErrors { message code }'
  return {
    atOnce: () =>
      send({
        query: `mutation Prices($input: ProductVariantsUpdateInput!) { productVariantsUpdate(input: $input) { rows { ${answer} } } }`,
        variables: { input: { rows: next() } },
      }),
    async oneByOne(connections: number) {
      const inputs = next()
      await Promise.all(
        Array.from({ length: connections }, async (_, connection) => {
          for (let input = inputs.pop(); input !== undefined; input = inputs.pop())
            await send(
              {
                query: `mutation Price($input: VariantUpdateInput!) { variantUpdate(input: $input) { ${answer} } }`,
                variables: { input },
              },
              connection,
            )
        }),
      )
    },
  }
}

const dataDir = await mkdtemp(join(tmpdir(), 'bulkhead-bench-'))
await run(dataDir).finally(() => rm(dataDir, { recursive: true, force: true }))
