// W5: the product's commands besides orderPlace, as a shop uses them: customers are added, stock is adjusted, orders are
// placed (which W4 measures), paid, and then refunded or fulfilled. Payments go through the payment sandbox, a process of
// its own, as in development; it sends no events here, so that only the phases of the command are counted.
import { isDeepStrictEqual } from 'node:util'
import type { BatchResult } from './load.ts'
import { median } from './median.ts'
import { tokensOf } from './plans.ts'
import type { ServerProcess } from './processes.ts'
import { share, table } from './report.ts'
import { type Measurement, ratio, usageSince } from './rounds.ts'
import { publicId, rowId, VARIANTS_PER_TENANT } from './rows.ts'
import { type Run, withPeers } from './run.ts'
import { isProduct, type Peer, requestOf } from './workloads.ts'

const COMMANDS = ['customerCreate', 'stockAdjust', 'paymentTake', 'refundCreate', 'orderFulfill'] as const
type Command = (typeof COMMANDS)[number]

/** Each tenant with a payment account of its own. */
const TENANTS_MAX = 10
const CONNECTIONS = 16
/** Requests of each command in a round; half as many refunds and fulfilments, one for each order that was paid. */
const REQUESTS = 320
const SMOKE_REQUESTS = 32
const WEBHOOK_SECRET = 'whsec_that_no_event_is_signed_with'

const mutation = (name: string, answer: string) => {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`
  return `mutation ${name}($input: ${type}!) { ${name}(input: $input) { ${answer} userErrors { field message code } } }`
}
const DOCUMENTS: Record<Command, string> = {
  customerCreate: mutation('customerCreate', 'customer { id name email version createdAt }'),
  stockAdjust: mutation('stockAdjust', 'variant { id sku stock { onHand reserved } }'),
  paymentTake: mutation(
    'paymentTake',
    'payment { id status amount { amountMinor currency } order { id status version } }',
  ),
  refundCreate: mutation('refundCreate', 'refund { id status amount { amountMinor currency } }'),
  orderFulfill: mutation('orderFulfill', 'order { id status version fulfilledAt }'),
}
const CONNECT = mutation('paymentProviderConnect', 'paymentProvider { id }')

/** A row of a tenant, and its id. */
type Made = { readonly tenant: number; readonly id: string }
/** What a step of a round leaves for the next ones. */
type Progress = { placed: Made[]; paid: (Made & { paymentId: string; version: number })[] }
type Input = { readonly tenant: number; readonly input: object }
type Measured = Map<Command, Map<Peer, Measurement[]>>

/** Null when the product is not among the peers. */
export async function commandsTable(run: Run): Promise<string | null> {
  const peers = run.options.peers.filter(isProduct)
  if (peers.length === 0) return null
  const tenants = Math.min(TENANTS_MAX, run.shape.tenants)
  const tokens = await tokensOf(run.options.dataDir, tenants)
  const measured: Measured = new Map(
    COMMANDS.map((command) => [command, new Map(peers.map((peer) => [peer, []]))]),
  )
  await withPeers(run, peers, async (servers) => {
    for (const server of servers) await connectProviders(run, server, tokens)
    // The first round warms up, and its answers are compared.
    for (let round = 0; round <= run.options.rounds; round += 1) {
      run.tell(round === 0 ? 'W5: warming up' : `W5 round ${round} of ${run.options.rounds}`)
      await runRound(run, servers, tokens, round, measured)
    }
  })
  return commandRows(measured, peers)
}

async function connectProviders(run: Run, server: ServerProcess, tokens: readonly string[]): Promise<void> {
  const input = { provider: 'SANDBOX', webhookSecret: WEBHOOK_SECRET }
  await sendAll(
    run,
    server,
    CONNECT,
    tokens,
    tokens.map((_, index) => ({ tenant: index + 1, input })),
  )
}

/** Each command on each server; the servers take turns, and in every second round in the other order. */
async function runRound(
  run: Run,
  servers: readonly ServerProcess[],
  tokens: readonly string[],
  round: number,
  measured: Measured,
): Promise<void> {
  const turns = round % 2 === 0 ? servers : servers.toReversed()
  const progress = new Map<Peer, Progress>(servers.map(({ peer }) => [peer, { placed: [], paid: [] }]))
  for (const server of turns) await placeOrders(run, server, tokens, round, progressOf(progress, server))
  for (const command of COMMANDS) {
    const answers: { peer: Peer; answers: readonly unknown[] }[] = []
    for (const server of turns) {
      const inputs = inputsOf(command, round, requestsOf(run), tokens.length, progressOf(progress, server))
      const usage = await usageSince(server)
      const result = await sendAll(run, server, DOCUMENTS[command], tokens, inputs)
      const { cpuMicros, databaseMicros } = await usage()
      const told = result.answers.map((answer) => JSON.parse(answer).data[command] as Answer)
      keep(command, inputs, told, progressOf(progress, server))
      if (round === 0) {
        answers.push({ peer: server.peer, answers: told.map(comparable) })
        continue
      }
      measured
        .get(command)
        ?.get(server.peer)
        ?.push({
          requests: result.requests,
          perSecond: result.requests / (result.elapsedMs / 1_000),
          cpuMicrosPerRequest: cpuMicros / result.requests,
          databaseMicrosPerRequest: databaseMicros === null ? null : databaseMicros / result.requests,
          latency: new Map([[CONNECTIONS, result]]),
        })
    }
    refuseDifference(command, answers)
  }
}

function progressOf(progress: ReadonlyMap<Peer, Progress>, { peer }: ServerProcess): Progress {
  return progress.get(peer) as Progress
}

function requestsOf({ options }: Run): number {
  return options.smoke ? SMOKE_REQUESTS : REQUESTS
}

async function placeOrders(
  run: Run,
  server: ServerProcess,
  tokens: readonly string[],
  round: number,
  progress: Progress,
): Promise<void> {
  const inputs = Array.from({ length: requestsOf(run) }, (_, turn) => {
    const tenant = (turn % tokens.length) + 1
    const key = `w5-${round}-${turn}`
    return { tenant, body: requestOf(server.peer, 'W4', run.shape, { tenant, turn, key }).body }
  })
  const { answers } = await run.generator.batch({
    peer: server.peer,
    port: server.port,
    connections: CONNECTIONS,
    requests: inputs.map(({ tenant, body }) => ({ token: tokens[tenant - 1] ?? '', path: '/graphql', body })),
  })
  progress.placed = answers.map((answer, index) => ({
    tenant: inputs[index]?.tenant ?? 0,
    id: JSON.parse(answer).data.orderPlace.order.id as string,
  }))
}

function inputsOf(
  command: Command,
  round: number,
  requests: number,
  tenants: number,
  { placed, paid }: Progress,
): Input[] {
  const numbered = (input: (turn: number, tenant: number) => object) =>
    Array.from({ length: requests }, (_, turn) => {
      const tenant = (turn % tenants) + 1
      return { tenant, input: input(turn, tenant) }
    })
  const idempotencyKey = (turn: number) => `w5-${command}-${round}-${turn}`
  switch (command) {
    case 'customerCreate':
      return numbered((turn) => ({
        idempotencyKey: idempotencyKey(turn),
        email: `new-${round}-${turn}@shop.example`,
        name: `New customer ${turn}`,
      }))
    case 'stockAdjust':
      return numbered((turn, tenant) => ({
        idempotencyKey: idempotencyKey(turn),
        variantId: publicId(
          true,
          'variant',
          rowId('variant', tenant, ((turn * 11) % VARIANTS_PER_TENANT) + 1),
        ),
        delta: 1,
        reason: 'RECEIPT',
      }))
    case 'paymentTake':
      return placed.map(({ tenant, id }, turn) => ({
        tenant,
        input: { idempotencyKey: idempotencyKey(turn), orderId: id, paymentMethod: 'pm_card_visa' },
      }))
    case 'refundCreate':
      return paid.slice(0, paid.length / 2).map(({ tenant, paymentId }, turn) => ({
        tenant,
        input: { idempotencyKey: idempotencyKey(turn), paymentId },
      }))
    case 'orderFulfill':
      return paid.slice(paid.length / 2).map(({ tenant, id, version }, turn) => ({
        tenant,
        input: { idempotencyKey: idempotencyKey(turn), id, expectedVersion: version },
      }))
  }
}

/** A payload, with what the documents ask for. */
type Answer = {
  readonly payment?: {
    readonly id: string
    readonly status: string
    readonly order: { readonly id: string; readonly version: number }
  }
  readonly refund?: { readonly status: string }
}

/** Throws when the provider has not settled a payment or refund at once: then less was done than is measured. */
function keep(command: Command, inputs: readonly Input[], told: readonly Answer[], progress: Progress): void {
  for (const [index, { payment, refund }] of told.entries()) {
    const { status } = payment ?? refund ?? { status: 'SUCCEEDED' }
    if (status !== 'SUCCEEDED') throw new Error(`${command}: the sandbox answers ${status}`)
    if (payment === undefined) continue
    const { id, version } = payment.order
    progress.paid.push({ tenant: inputs[index]?.tenant ?? 0, id, version, paymentId: payment.id })
  }
}

async function sendAll(
  { generator }: Run,
  { peer, port }: ServerProcess,
  query: string,
  tokens: readonly string[],
  inputs: readonly Input[],
): Promise<BatchResult> {
  const requests = inputs.map(({ tenant, input }) => ({
    token: tokens[tenant - 1] ?? '',
    path: '/graphql',
    body: JSON.stringify({ query, variables: { input } }),
  }))
  return await generator.batch({ peer, port, connections: CONNECTIONS, requests })
}

/** Without what differs from one database to another, and from one order of requests to another. */
function comparable(answer: Answer): unknown {
  return JSON.parse(JSON.stringify(answer), (key, value: unknown) =>
    ['id', 'createdAt', 'fulfilledAt', 'onHand'].includes(key) ? typeof value : value,
  )
}

function refuseDifference(
  command: Command,
  answers: readonly { readonly peer: Peer; readonly answers: readonly unknown[] }[],
): void {
  const [first, ...others] = answers
  for (const other of others) {
    const at = other.answers.findIndex((answer, index) => !isDeepStrictEqual(answer, first?.answers[index]))
    if (at < 0) continue
    const shown = [first, other].map((one) => `${one?.peer}: ${JSON.stringify(one?.answers[at])}`)
    throw new Error(`the servers answer ${command} differently:\n${shown.join('\n')}`)
  }
}

/** Absolute times of this machine, and with two servers what one is of the other. */
function commandRows(measured: Measured, peers: readonly Peer[]): string {
  const [of = 'bulkhead', by] = peers
  const middle = (values: readonly number[]) => median(values).toFixed(0)
  const whats = {
    'µs of CPU': ({ cpuMicrosPerRequest }: Measurement) => cpuMicrosPerRequest,
    "µs of PostgreSQL's": ({ databaseMicrosPerRequest }: Measurement) => databaseMicrosPerRequest,
    'p50 ms': ({ latency }: Measurement) => latency.get(CONNECTIONS)?.p50Ms ?? null,
    'p99 ms': ({ latency }: Measurement) => latency.get(CONNECTIONS)?.p99Ms ?? null,
  }
  const columns = Object.entries(whats)
  const header = [
    'W5, each request',
    ...columns.flatMap(([name]) => [
      ...peers.map((peer) => `${name}, ${peer}`),
      ...(by === undefined ? [] : [`${of} ÷ ${by}`]),
    ]),
  ]
  const rows = [...measured].map(([command, byPeer]) => [
    command,
    ...columns.flatMap(([, what]) => {
      const figures = peers.map((peer) =>
        middle((byPeer.get(peer) ?? []).map((one) => what(one) ?? Number.NaN)),
      )
      if (by === undefined) return figures
      const compared = ratio(byPeer, of, by, what)
      const range = `[${share(compared?.lowest)}–${share(compared?.highest)}]`
      return [...figures, `${share(compared?.median)} ${range}`]
    }),
  ])
  return table([header, ...rows])
}
