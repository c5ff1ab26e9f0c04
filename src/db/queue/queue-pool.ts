// The connections on which graphile-worker fetches and records jobs. queue-connection.ts has our own statements.
import pg from 'pg'
import type { Logger } from '../../core/logger.ts'
import { prepareSession } from '../session-settings.ts'

const CONNECT_TIMEOUT_MS = 10_000
/** The application name of a worker's sessions. */
export const WORKER_APPLICATION = 'bulkhead-worker'

/** A lost connection is logged in one line: its user gets the error, and asks for another. */
export function openQueuePool(url: string, connectionsMax: number, logger: Logger): pg.Pool {
  const pool = new ForgivingPool({
    connectionString: url,
    max: connectionsMax,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    application_name: WORKER_APPLICATION,
    onConnect: prepareSession,
  })
  const tell = ({ message }: Error): void => {
    // pg's end() does not wait for its connections to close: a server that is stopped next still cuts them.
    if (!pool.ending) logger.warn({ reason: message }, 'a connection of the worker was lost')
  }
  pool.on('error', tell)
  pool.on('connect', (client) => {
    client.on('error', tell)
  })
  return pool
}

type OnConnected = Parameters<pg.Pool['connect']>[0]

/**
 * graphile-worker releases its listening connection twice when that breaks while it begins to listen and is stopped, in
 * a promise without a handler: the whole server would end, and the log would not say why.
 */
class ForgivingPool extends pg.Pool {
  override connect(): Promise<pg.PoolClient>
  override connect(onConnected: OnConnected): void
  override connect(onConnected?: OnConnected): unknown {
    if (onConnected === undefined) return super.connect()
    return super.connect((error, client, release) => {
      let isReleased = false
      onConnected(error, client, (broken) => {
        if (isReleased) return
        isReleased = true
        // A pool that has ended calls back without a connection, against its types.
        ;(release as typeof release | undefined)?.(broken)
      })
    })
  }
}
