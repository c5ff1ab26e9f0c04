// Owns: the connections on which jobs are fetched and recorded. Their statements are graphile-worker's; ours are
// queue-connection.ts's.
import pg from 'pg'
import type { Logger } from '../core/logger.ts'

const CONNECT_TIMEOUT_MS = 10_000
/** How a session of a worker is called where an operator lists sessions. */
export const WORKER_APPLICATION = 'bulkhead-worker'

/** A lost connection is told in one line: whoever used it gets the error, and asks for another. */
export function openQueuePool(url: string, connectionsMax: number, logger: Logger): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: connectionsMax,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    application_name: WORKER_APPLICATION,
  })
  const tell = ({ message }: Error) => logger.warn({ reason: message }, 'a connection of the worker was lost')
  pool.on('error', tell)
  pool.on('connect', (client) => {
    client.on('error', tell)
  })
  return pool
}
