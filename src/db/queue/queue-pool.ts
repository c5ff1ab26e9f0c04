// Owns: the connections on which jobs are fetched and recorded. Their statements are graphile-worker's; ours are
// queue-connection.ts's.
import pg from 'pg'
import type { Logger } from '../../core/logger.ts'
import { prepareSession } from '../session-settings.ts'

const CONNECT_TIMEOUT_MS = 10_000
/** How a session of a worker is called where an operator lists sessions. */
export const WORKER_APPLICATION = 'bulkhead-worker'

/** A lost connection is told in one line: whoever used it gets the error, and asks for another. */
export function openQueuePool(url: string, connectionsMax: number, logger: Logger): pg.Pool {
  const pool = new ForgivingPool({
    connectionString: url,
    max: connectionsMax,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    application_name: WORKER_APPLICATION,
    onConnect: prepareSession,
  })
  const tell = ({ message }: Error) => logger.warn({ reason: message }, 'a connection of the worker was lost')
  pool.on('error', tell)
  pool.on('connect', (client) => {
    client.on('error', tell)
  })
  return pool
}

type OnConnected = Parameters<pg.Pool['connect']>[0]

/**
 * graphile-worker gives the connection on which it listens back twice when that breaks while it begins to listen and is
 * stopped, in a promise that nobody catches: the whole server would end for it, and the log would not tell of what.
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
        // A pool that has ended connects nobody: its callback comes without one, whatever the types say.
        ;(release as typeof release | undefined)?.(broken)
      })
    })
  }
}
