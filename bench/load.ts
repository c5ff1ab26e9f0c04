// The load generator: a separate process, controlled by messages.
import { churnBody } from './churn.ts'
import { Connection, encodeRequest } from './http.ts'
import type { Shape } from './rows.ts'
import { type Peer, requestOf, type Workload } from './workloads.ts'

type Common = {
  readonly peer: Peer
  readonly port: number
  readonly connections: number
}

/** Requests of one workload, made by number. */
export type LoadOrder = Common & {
  readonly workload: Workload | 'churn'
  /** The load ends after this time, or after this many requests. */
  readonly windowMs: number
  readonly requestsMax?: number
  /** The number of the first request, which determines its tenant and rows. Default: 0. */
  readonly firstTurn?: number
  /** By tenant, from the first. With fewer tenants than in the shape, the first ones are used. */
  readonly tokens: readonly string[]
  readonly shape: Shape
  /** Different from that of any other order, so that no idempotency key repeats. */
  readonly keyPrefix: string
}

/** These requests, each once. */
export type BatchOrder = Common & { readonly requests: readonly Request[] }
export type Request = { readonly token: string; readonly path: string; readonly body: string }

export type LoadResult = {
  readonly requests: number
  readonly elapsedMs: number
  readonly p50Ms: number
  readonly p99Ms: number
}
/** The bodies of the answers, in the order of the requests. */
export type BatchResult = LoadResult & { readonly answers: readonly string[] }

/** Neighbouring connections and turns use different tenants. */
const TENANT_STRIDE = 37

/** Keeps the connections busy with the requests of `next`, by their numbers from 0, until it returns null. */
async function send(
  { peer, port, connections: count }: Common,
  next: (turn: number) => Request | null,
  take: (turn: number, body: Buffer) => void,
): Promise<LoadResult> {
  const connections = await Promise.all(Array.from({ length: count }, () => Connection.open(port)))
  const latenciesMs: number[] = []
  const startedAt = performance.now()
  let turns = 0
  await Promise.all(
    connections.map(async (connection) => {
      for (;;) {
        const turn = turns
        const request = next(turn)
        if (request === null) return
        turns += 1
        const sentAt = performance.now()
        take(turn, await sendOne(connection, peer, request))
        latenciesMs.push(performance.now() - sentAt)
      }
    }),
  ).finally(() => {
    for (const connection of connections) connection.close()
  })
  const elapsedMs = performance.now() - startedAt
  latenciesMs.sort((left, right) => left - right)
  const at = (share: number) => latenciesMs[Math.floor((latenciesMs.length - 1) * share)] ?? 0
  return { requests: latenciesMs.length, elapsedMs, p50Ms: at(0.5), p99Ms: at(0.99) }
}

async function sendOne(connection: Connection, peer: Peer, { token, path, body }: Request): Promise<Buffer> {
  const reply = await connection.send(encodeRequest(path, token, body)).catch((error: Error) => {
    throw new Error(`${peer}: ${error.message}`, { cause: error })
  })
  const failed = reply.status !== 200 || reply.body.includes('"errors"') || reply.body.includes('"code"')
  if (!failed) return reply.body
  const asked = body.length > 300 ? `${body.slice(0, 300)}…` : body
  throw new Error(
    `${peer} answers ${path} ${asked} with ${reply.status}: ${reply.body.toString().slice(0, 500)}`,
  )
}

async function load(order: LoadOrder): Promise<LoadResult> {
  const { requestsMax = Number.POSITIVE_INFINITY, firstTurn = 0, windowMs, tokens } = order
  const endsAt = performance.now() + windowMs
  return await send(
    order,
    (number) => {
      if (number >= requestsMax || performance.now() >= endsAt) return null
      const turn = firstTurn + number
      const tenant = ((turn * TENANT_STRIDE) % tokens.length) + 1
      return { token: tokens[tenant - 1] ?? '', ...requestWith(order, tenant, turn) }
    },
    () => {},
  )
}

function requestWith({ peer, workload, shape, keyPrefix }: LoadOrder, tenant: number, turn: number) {
  if (workload === 'churn') return { path: '/graphql', body: churnBody(tenant, turn) }
  return requestOf(peer, workload, shape, { tenant, turn, key: `${keyPrefix}-${turn}` })
}

async function sendBatch(order: BatchOrder): Promise<BatchResult> {
  const answers: string[] = []
  const result = await send(
    order,
    (turn) => order.requests[turn] ?? null,
    (turn, body) => {
      answers[turn] = body.toString()
    },
  )
  return { ...result, answers }
}

process.on('message', (order: LoadOrder | BatchOrder) => {
  const done: Promise<LoadResult> = 'requests' in order ? sendBatch(order) : load(order)
  done.then(
    (result) => process.send?.({ result }),
    (error: Error) => process.send?.({ failure: error.message }),
  )
})
