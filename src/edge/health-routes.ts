// /healthz and /readyz: whether the process lives, and whether it can serve. Restarts and repairs nothing.
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../core/clock.ts'
import type { Database } from '../db/database.ts'

export type HealthOptions = {
  readonly database: Database
  readonly clock: Clock
  readonly isDraining: () => boolean
  /** What else keeps this process from serving, one short reason each; none when all is well. */
  readonly findings?: () => readonly string[]
}

/** A probe should hear "no" rather than nothing. */
const PING_TIMEOUT_MS = 2_000
/** Whoever asks more often gets the same answer, so that probes cannot use up the pool. */
const PING_KEPT_MS = 1_000

/** Adds both routes. Neither asks who is there, so neither says more than a short reason. */
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
