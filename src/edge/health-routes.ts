// /healthz and /readyz: whether the process is alive, and whether it can serve. Repairs nothing.
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../core/clock.ts'
import type { Database } from '../db/database.ts'

export type HealthOptions = {
  readonly database: Database
  readonly clock: Clock
  readonly isDraining: () => boolean
  /** Further reasons why this process cannot serve; empty when it can. */
  readonly findings?: () => readonly string[]
}

/** A probe should get a negative answer rather than a time-out. */
const PING_TIMEOUT_MS = 2_000
/** The ping's result is cached, so that probes cannot use up the pool. */
const PING_KEPT_MS = 1_000

/** Adds both routes. They need no authentication, so they answer only short reasons. */
export function addHealthRoutes(app: FastifyInstance, options: HealthOptions): void {
  const { isDraining, findings } = options
  const isReachable = createPing(options)
  app.get('/healthz', (_request, reply) => {
    reply.send({ alive: true })
  })
  app.get('/readyz', async (_request, reply) => {
    const reasons = [...(findings?.() ?? [])]
    if (isDraining()) reasons.push('draining: this process is about to stop')
    if (!(await isReachable())) reasons.push('database: unreachable')
    const ready = reasons.length === 0
    return reply.code(ready ? 200 : 503).send({ ready, reasons })
  })
}

function createPing({ database, clock }: HealthOptions): () => Promise<boolean> {
  let last: Promise<boolean> | undefined
  let askedAtMs = Number.NEGATIVE_INFINITY
  return () => {
    const nowMs = clock().getTime()
    if (last === undefined || nowMs - askedAtMs >= PING_KEPT_MS) {
      askedAtMs = nowMs
      last = pingOnce(database)
    }
    return last
  }
}

async function pingOnce(database: Database): Promise<boolean> {
  const { promise: timeout, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => resolve(false), PING_TIMEOUT_MS)
  const answered = database.ping().then(
    () => true,
    () => false,
  )
  try {
    return await Promise.race([answered, timeout])
  } finally {
    clearTimeout(timer)
  }
}
