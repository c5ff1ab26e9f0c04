// The queue's SQL, as the worker's role: which workers live, whose jobs are orphaned, what waits and what is dead.
// job-queue.ts has the tables and rights; src/jobs runs jobs.
import pg from 'pg'
import type { Logger } from '../../core/logger.ts'
import { prepareSession } from '../session-settings.ts'
import { WORKER_APPLICATION } from './queue-pool.ts'

export type QueueState = {
  /** Waiting and running jobs, including those in their last attempt. */
  readonly pending: number
  readonly dead: number
  /** How long the oldest due job has waited; 0 when none is due. */
  readonly oldestDueSeconds: number
}

export type QueuedJob = {
  readonly id: string
  readonly task: string
  readonly tenantId: string | null
  readonly attempts: number
  readonly attemptsMax: number
  readonly runAt: Date
  readonly lastError: string | null
  readonly isDead: boolean
}

export type QueueConnection = {
  /** Marks this pool of workers as alive for as long as the connection lives; replaces an earlier mark. */
  announce(poolId: string): Promise<void>
  /**
   * Frees jobs of pools that were not alive at this look and the one before; returns the pools' ids. One look is not
   * enough: after a restart of the database, all pools are gone until they have announced themselves again.
   */
  freeOrphans(): Promise<string[]>
  /** Queues a job of a task for each active tenant. */
  enqueueForTenants(task: string, attemptsMax: number): Promise<void>
  /** One step of the due erasures: ERASING, ERASED: call again at once; WAITING: soon; IDLE: nothing is due. */
  eraseDueTenants(rowsMax: number): Promise<'ERASING' | 'ERASED' | 'WAITING' | 'IDLE'>
  /** The job will not be run again after this attempt. */
  failPermanently(jobId: string): Promise<void>
  /** This attempt does not count, and the next one comes after the delay. The job must fail to be released. */
  postpone(jobId: string, delaySeconds: number): Promise<void>
  state(): Promise<QueueState>
  list(options: { readonly onlyDead: boolean; readonly limit: number }): Promise<QueuedJob[]>
  /** Gives dead jobs all their attempts again; null: all of them. Returns their number. */
  retry(jobId: string | null): Promise<number>
  close(): Promise<void>
}

const CONNECT_TIMEOUT_MS = 10_000
/** Of our own statements; the longest one counts the queue. */
const STATEMENT_TIMEOUT_MS = 10_000
/** Our class of advisory locks: a shared lock in it means that the pool whose id hashes to the second key lives. */
const LIVES_LOCK = 0x62_6b_77_6b
/** A dead machine closes no connection: the server must notice in seconds, instead of the usual two hours. */
const SERVER_OPTIONS = [
  ['tcp_keepalives_idle', 5],
  ['tcp_keepalives_interval', 5],
  ['tcp_keepalives_count', 3],
  ['tcp_user_timeout', 20_000],
] as const

/** Advisory locks are visible to every role, unlike the application names of other roles' sessions. */
const GONE_SQL = `
  SELECT DISTINCT held.locked_by AS id FROM (
    SELECT locked_by FROM graphile_worker._private_jobs WHERE locked_by IS NOT NULL
    UNION ALL
    SELECT locked_by FROM graphile_worker._private_job_queues WHERE locked_by IS NOT NULL
  ) held
  WHERE NOT EXISTS (
    SELECT FROM pg_locks l
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND l.classid = $1::int::oid AND l.objid = hashtext(held.locked_by)::oid)`

/**
 * A lane (job queue) that is locked without a job in it: its job was finished by a worker that had been taken for dead,
 * so that the next worker found nothing to release. Otherwise a lane and its job are locked and released by one
 * statement; a very recent lock may belong to a statement that this one does not see.
 */
const UNLOCK_LANES_SQL = `
  UPDATE graphile_worker._private_job_queues q SET locked_at = NULL, locked_by = NULL
  WHERE q.locked_at < now() - make_interval(secs => $1)
    AND NOT EXISTS (
      SELECT FROM graphile_worker._private_jobs j WHERE j.job_queue_id = q.id AND j.locked_by = q.locked_by)`
const MEND_AFTER_SECONDS = 1

/** One connection, reopened when it is lost: the mark is renewed at once, or with the next statement. */
export function openQueueConnection(url: string, logger: Logger): QueueConnection {
  const pool = new pg.Pool({
    connectionString: url,
    max: 1,
    idleTimeoutMillis: 0,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    keepAlive: true,
    application_name: WORKER_APPLICATION,
    onConnect: prepareSession,
    options: SERVER_OPTIONS.map(([name, value]) => `-c ${name}=${value}`).join(' '),
  })
  let announced: string | null = null
  const announcedOn = new WeakMap<pg.PoolClient, string>()
  let missing: ReadonlySet<string> = new Set()
  pool.on('error', ({ message }) => {
    logger.warn({ reason: message }, "the queue's connection was lost")
    if (announced !== null) query('SELECT 1').catch(() => {}) // else the next look at orphans does it
  })
  pool.on('connect', (client) => {
    client.on('error', () => {}) // whose statement it broke gets the error
  })

  async function announceOn(client: pg.PoolClient): Promise<void> {
    if (announced === null || announcedOn.get(client) === announced) return
    const poolId = announced
    // Shared, since the previous session may not have noticed its loss yet; nobody waits for this lock.
    await client.query('SELECT pg_advisory_unlock_all()')
    await client.query('SELECT pg_advisory_lock_shared($1, hashtext($2))', [LIVES_LOCK, poolId])
    announcedOn.set(client, poolId)
  }

  async function query<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    const client = await pool.connect()
    let lost: Error | undefined
    try {
      await announceOn(client)
      return (await client.query<Row>(text, values)).rows
    } catch (error) {
      if (!(error instanceof pg.DatabaseError))
        lost = error instanceof Error ? error : new Error(String(error))
      throw error
    } finally {
      client.release(lost)
    }
  }

  return {
    async announce(poolId) {
      announced = poolId
      await query('SELECT 1')
    },
    async freeOrphans() {
      const gone = (await query<{ id: string }>(GONE_SQL, [LIVES_LOCK])).map(({ id }) => id)
      const orphaned = gone.filter((id) => missing.has(id))
      missing = new Set(gone)
      if (orphaned.length > 0) await query('SELECT graphile_worker.force_unlock_workers($1)', [orphaned])
      await query(UNLOCK_LANES_SQL, [MEND_AFTER_SECONDS])
      return orphaned
    },
    async enqueueForTenants(task, attemptsMax) {
      await query('SELECT app.enqueue_for_tenants($1, $2)', [task, attemptsMax])
    },
    async eraseDueTenants(rowsMax) {
      const [row] = await query<{ state: 'ERASING' | 'ERASED' | 'WAITING' | 'IDLE' }>(
        'SELECT app.erase_due_tenants($1) AS state',
        [rowsMax],
      )
      return row?.state ?? 'IDLE'
    },
    async failPermanently(jobId) {
      await query(
        'UPDATE graphile_worker._private_jobs SET max_attempts = greatest(attempts, 1) WHERE id = $1',
        [jobId],
      )
    },
    async postpone(jobId, delaySeconds) {
      await query(
        `UPDATE graphile_worker._private_jobs
         SET attempts = greatest(attempts - 1, 0), run_at = now() + make_interval(secs => $2) WHERE id = $1`,
        [jobId, delaySeconds],
      )
    },
    async state() {
      const [row] = await query<{ pending: string; dead: string; oldest: number | null }>(
        `SELECT count(*) FILTER (WHERE attempts < max_attempts OR locked_at IS NOT NULL) AS pending,
           count(*) FILTER (WHERE attempts >= max_attempts AND locked_at IS NULL) AS dead,
           extract(epoch FROM now() - min(run_at)
             FILTER (WHERE attempts < max_attempts AND locked_at IS NULL AND run_at <= now()))::float8 AS oldest
         FROM graphile_worker._private_jobs`,
      )
      return { pending: Number(row?.pending), dead: Number(row?.dead), oldestDueSeconds: row?.oldest ?? 0 }
    },
    async list({ onlyDead, limit }) {
      return await query<QueuedJob>(
        `SELECT j.id::text, t.identifier AS task, j.payload ->> 'tenantId' AS "tenantId", j.attempts,
           j.max_attempts AS "attemptsMax", j.run_at AS "runAt", j.last_error AS "lastError",
           j.attempts >= j.max_attempts AS "isDead"
         FROM graphile_worker._private_jobs j JOIN graphile_worker._private_tasks t ON t.id = j.task_id
         WHERE NOT $1 OR (j.attempts >= j.max_attempts AND j.locked_at IS NULL)
         ORDER BY j.run_at, j.id LIMIT $2`,
        [onlyDead, limit],
      )
    },
    async retry(jobId) {
      const rows = await query(
        `UPDATE graphile_worker._private_jobs SET attempts = 0, run_at = now(), updated_at = now()
         WHERE attempts >= max_attempts AND locked_at IS NULL AND ($1::bigint IS NULL OR id = $1) RETURNING id`,
        [jobId],
      )
      return rows.length
    },
    close: () => pool.end(),
  }
}
