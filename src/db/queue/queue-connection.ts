// Owns: the SQL of the queue, as the worker's role: who is alive, whose jobs are orphans, what waits and what is dead. The
// queue's tables and their rights are job-queue.ts's; running jobs is src/jobs'.
import pg from 'pg'
import type { Logger } from '../../core/logger.ts'
import { prepareSession } from '../session-settings.ts'
import { WORKER_APPLICATION } from './queue-pool.ts'

export type QueueState = {
  /** Those that wait, and those under way, their last attempt included. */
  readonly pending: number
  readonly dead: number
  /** How long the job that is due longest has waited; 0 when none is due. */
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
  /** Lets others see that this pool of workers lives, for as long as the connection does; in place of another. */
  announce(poolId: string): Promise<void>
  /**
   * Frees what pools had locked that did not live at this look and at the one before; answers their ids. One look is not
   * enough: after the database was started again, everybody is gone until they have announced themselves anew.
   */
  freeOrphans(): Promise<string[]>
  /** Queues a job of a task for each active tenant. */
  enqueueForTenants(task: string, attemptsMax: number): Promise<void>
  /** One step of the erasures that are due: whether to come back at once (ERASING, ERASED), soon, or another day. */
  eraseDueTenants(rowsMax: number): Promise<'ERASING' | 'ERASED' | 'WAITING' | 'IDLE'>
  /** The job will not be run again after this time. */
  failPermanently(jobId: string): Promise<void>
  /** This time does not count, and the next is not before the delay is over. The job must fail for it to be let go of. */
  postpone(jobId: string, delaySeconds: number): Promise<void>
  state(): Promise<QueueState>
  list(options: { readonly onlyDead: boolean; readonly limit: number }): Promise<QueuedJob[]>
  /** Gives dead jobs all their attempts again; null: all of them. Answers how many there were. */
  retry(jobId: string | null): Promise<number>
  close(): Promise<void>
}

const CONNECT_TIMEOUT_MS = 10_000
/** Of our own statements: the longest counts the queue. */
const STATEMENT_TIMEOUT_MS = 10_000
/** Our class of advisory locks: one in it, shared, says that the pool whose id hashes to the second key lives. */
const LIVES_LOCK = 0x62_6b_77_6b
/**
 * A machine that is gone says no goodbye: the server must find out by itself, in seconds rather than the two hours that are
 * usual.
 */
const SERVER_OPTIONS = [
  ['tcp_keepalives_idle', 5],
  ['tcp_keepalives_interval', 5],
  ['tcp_keepalives_count', 3],
  ['tcp_user_timeout', 20_000],
] as const

/** Advisory locks are shown to every role, unlike what other roles' sessions are called. */
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
 * A lane that is locked without a job in it: one that somebody finished after it had been taken from him for dead, so that
 * the one it was given to found nothing to let go of. Lane and job are otherwise locked and let go of by one statement; one
 * that was locked just now may be so by a statement that this one does not see.
 */
const MEND_LANES_SQL = `
  UPDATE graphile_worker._private_job_queues q SET locked_at = NULL, locked_by = NULL
  WHERE q.locked_at < now() - make_interval(secs => $1)
    AND NOT EXISTS (
      SELECT FROM graphile_worker._private_jobs j WHERE j.job_queue_id = q.id AND j.locked_by = q.locked_by)`
const MEND_AFTER_SECONDS = 1

/** One connection, made anew when it is lost: what was announced is announced again at once, or with the next statement. */
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
    // Shared, since the session before may not have noticed yet that it is lost: nobody ever waits for this lock.
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
      await query(MEND_LANES_SQL, [MEND_AFTER_SECONDS])
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
