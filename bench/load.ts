// The load generator: a separate process, controlled by messages.
import { Connection, encodeRequest } from './http.ts'
import type { Shape } from './rows.ts'
import { type Peer, requestOf, type Workload } from './workloads.ts'

export type LoadOrder = {
  readonly peer: Peer
  readonly workload: Workload
  readonly port: number
  readonly connections: number
  /** The load ends after this time, or after this many requests. */
  readonly windowMs: number
  readonly requestsMax?: number
  /** By tenant, from the first. With fewer tenants than in the shape, the first ones are used. */
  readonly tokens: readonly string[]
  readonly shape: Shape
  /** Different from that of any other order, so that no idempotency key repeats. */
  readonly keyPrefix: string
}

export type LoadResult = {
  readonly requests: number
  readonly elapsedMs: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Neighbouring connections and turns use different tenants. */
const TENANT_STRIDE = 37

async function load(order: LoadOrder): Promise<LoadResult> {
  const connections = await Promise.all(
    Array.from({ length: order.connections }, () => Connection.open(order.port)),
  )
  const latenciesMs: number[] = []
  const { requestsMax = Number.POSITIVE_INFINITY } = order
  const startedAt = performance.now()
  let turn = 0
  await Promise.all(
    connections.map(async (connection) => {
      while (turn < requestsMax) {
        const sentAt = performance.now()
        if (sentAt - startedAt >= order.windowMs) break
        turn += 1
        await sendOne(connection, order, turn)
        latenciesMs.push(performance.now() - sentAt)
      }
    }),
  )
  const elapsedMs = performance.now() - startedAt
  for (const connection of connections) connection.close()
  latenciesMs.sort((left, right) => left - right)
  const at = (share: number) => latenciesMs[Math.floor((latenciesMs.length - 1) * share)] ?? 0
  return { requests: latenciesMs.length, elapsedMs, p50Ms: at(0.5), p99Ms: at(0.99) }
}

async function sendOne(connection: Connection, order: LoadOrder, turn: number): Promise<void> {
  const tenant = ((turn * TENANT_STRIDE) % order.tokens.length) + 1
  const { path, body } = requestOf(order.peer, order.workload, order.shape, {
    tenant,
    turn,
    key: `${order.keyPrefix}-${turn}`,
  })
  const reply = await connection.send(encodeRequest(path, order.tokens[tenant - 1] ?? '', body))
  const failed = reply.status !== 200 || reply.body.includes('"errors"') || reply.body.includes('"code"')
  if (failed)
    throw new Error(`${order.peer} ${order.workload}: ${reply.status} ${reply.body.toString().slice(0, 500)}`)
}

process.on('message', (order: LoadOrder) => {
  load(order).then(
    (result) => process.send?.({ result }),
    (error: Error) => process.send?.({ failure: error.message }),
  )
})
