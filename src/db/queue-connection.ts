// Owns: the SQL of the queue, as the worker's role: who is alive, whose jobs are orphans, what waits and what is dead. The
// queue's tables and their rights are job-queue.ts's; running jobs is src/jobs'.
import pg from 'pg'
import type { Logger } from '../core/logger.ts'

export type QueueState = {
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
  /** Lets others see that this pool of workers lives, for as long as the connection does. */
  announce(poolId: string): Promise<void>
  /** Frees what pools that no longer live had locked; answers their ids. */
  freeOrphans(): Promise<string[]>
  /** Queues a job of a task for each active tenant. */
  enqueueForTenants(task: string, attemptsMax: number): Promise<void>
  /** The job will not be run again. */
  bury(jobId: string): Promise<void>
  state(): Promise<QueueState>
  list(options: { readonly onlyDead: boolean; readonly limit: number }): Promise<QueuedJob[]>
  /** Gives dead jobs all their attempts again; null: all of them. Answers how many there were. */
  revive(jobId: string | null): Promise<number>
  close(): Promise<void>
}

const CONNECT_TIMEOUT_MS = 10_000
const APPLICATION = 'bulkhead-worker'
/** A pool locks its first job before it is announced. */
const ANNOUNCE_GRACE_SECONDS = 5

/** One connection, made anew when it is lost: what was announced is announced again with the next statement. */
export function openQueueConnection(url: string, logger: Logger): QueueConnection {
  const pool = new pg.Pool({
    connectionString: url,
    max: 1,
    idleTimeoutMillis: 0,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: APPLICATION,
  })
  pool.on('error', (error) => logger.warn({ reason: error.message }, "the queue's connection was lost"))
  let announced: string | null = null
  const announcedOn = new WeakSet<pg.PoolClient>()

  async function query<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    const client = await pool.connect()
    let lost: Error | undefined
    try {
      if (announced !== null && !announcedOn.has(client)) {
        await client.query(`SELECT set_config('application_name', $1, false)`, [nameOf(announced)])
        announcedOn.add(client)
      }
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
      // A session of our own role shows us its name; one that is gone is not there.
      const rows = await query<{ id: string }>(
        `WITH orphan AS (
           SELECT DISTINCT locked_by AS id FROM (
             SELECT locked_by, locked_at FROM graphile_worker._private_jobs WHERE locked_by IS NOT NULL
             UNION ALL
             SELECT locked_by, locked_at FROM graphile_worker._private_job_queues WHERE locked_by IS NOT NULL
           ) held
           WHERE locked_at < now() - make_interval(secs => $1)
             AND NOT EXISTS (
               SELECT FROM pg_stat_activity a
               WHERE a.datname = current_database() AND a.application_name = $2 || held.locked_by)
         )
         SELECT id, graphile_worker.force_unlock_workers(ARRAY[id]) FROM orphan`,
        [ANNOUNCE_GRACE_SECONDS, nameOf('')],
      )
      return rows.map(({ id }) => id)
    },
    async enqueueForTenants(task, attemptsMax) {
      await query('SELECT app.enqueue_for_tenants($1, $2)', [task, attemptsMax])
    },
    async bury(jobId) {
      await query(
        'UPDATE graphile_worker._private_jobs SET max_attempts = greatest(attempts, 1) WHERE id = $1',
        [jobId],
      )
    },
    async state() {
      const [row] = await query<{ pending: string; dead: string; oldest: number | null }>(
        `SELECT count(*) FILTER (WHERE attempts < max_attempts) AS pending,
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
    async revive(jobId) {
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

function nameOf(poolId: string): string {
  return `${APPLICATION} ${poolId}`
}
