// Hears from PostgreSQL of which tenant a member, a key, a support grant or the status has changed, on a connection of its
// own, and says until when it is known that every change was heard. Knows nobody's rights.
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import { processIdOf } from './pg-internals.ts'

/** All changes that were committed during the hearing and before `untilMs` were told to the listeners. */
export type Hearing = {
  /** The number of this connection. What was read before it began may be from before a change that was not heard. */
  readonly id: number
  readonly untilMs: number
}

export type AccessFeed = {
  /** Null while there is no connection. */
  hearing(): Hearing | null
  /** `listener` is called with the id of a tenant. */
  onChange(listener: (tenantId: string) => void): void
  close(): Promise<void>
}

/** The name in the migration's trigger. */
const CHANNEL = 'bulkhead_access'
/** A part of the time for which a look-up is believed, so that beats keep it believed. */
const BEAT_MS = 500
/** A connection that is silent for longer is replaced. */
const SILENCE_MS = 2_000
const RETRY_MS = 5_000
const POOLER = Symbol('the connection ends at a pooler')

/**
 * Connects in the background, and again after a loss. Through a pooler it hears nothing: PgBouncer's transaction mode does
 * not forward notifications.
 */
export function openAccessFeed(options: {
  readonly url: string
  readonly clock: Clock
  readonly logger: Logger
  readonly retryMs?: number
}): AccessFeed {
  const { url, clock, logger, retryMs = RETRY_MS } = options
  const listeners: ((tenantId: string) => void)[] = []
  const closing = new AbortController()
  let hearing: Hearing | null = null
  let connections = 0
  /** The log has one line for each loss, not one for each attempt. */
  let isLossTold = false

  /** Listens until the connection is lost, which it throws, or the feed is closed. */
  async function listen(): Promise<void> {
    connections += 1
    const id = connections
    const client = new pg.Client({
      connectionString: url,
      application_name: 'bulkhead access feed',
      keepAlive: true,
      connectionTimeoutMillis: SILENCE_MS,
      query_timeout: SILENCE_MS,
    })
    const end = (): void => {
      if (hearing?.id === id) hearing = null
    }
    client.on('error', end)
    client.on('end', end)
    client.on('notification', ({ payload = '' }) => {
      for (const listener of listeners) listener(payload)
    })
    try {
      await client.connect()
      await refusePooler(client)
      let untilMs = clock().getTime()
      await client.query(`LISTEN ${CHANNEL}`)
      isLossTold = false
      while (!closing.signal.aborted) {
        hearing = { id, untilMs }
        await pause(BEAT_MS)
        untilMs = clock().getTime()
        // PostgreSQL sends the notifications of what was committed before this before its answer.
        await client.query('SELECT 1')
      }
    } finally {
      end()
      client.end().catch(() => {})
    }
  }

  async function pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: closing.signal }).catch(() => {})
  }

  async function keepListening(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        await listen()
      } catch (error) {
        if (closing.signal.aborted) return
        if (error === POOLER) {
          logger.info(
            'the database is behind a pooler: no changes of access are told, so callers are looked up',
          )
          return
        }
        if (!isLossTold) logger.warn({ err: error }, 'no changes of access are told: callers are looked up')
        isLossTold = true
        await pause(retryMs)
      }
    }
  }

  const listening = keepListening()
  return {
    hearing: () => hearing,
    onChange(listener) {
      listeners.push(listener)
    },
    async close() {
      closing.abort()
      await listening
    },
  }
}

/** A pooler answers with a process number of its own at the start of a connection. */
async function refusePooler(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  if (rows[0]?.pid !== processIdOf(client)) throw POOLER
}
