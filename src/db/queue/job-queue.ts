// Prepares the queue's tables, which graphile-worker makes in its own schema, and grants them to the worker's role
// alone. src/jobs runs jobs.
import { runMigrations } from 'graphile-worker'
import type pg from 'pg'
import type { Logger } from '../../core/logger.ts'
import { queueLogger } from './queue-logger.ts'
import { QUEUE_SCHEMA, WORKER_GROUP } from './queue-names.ts'
import { openQueuePool } from './queue-pool.ts'

const MIGRATION_CONNECTIONS = 2

/**
 * Migrates the queue's tables as the owner, and grants them to the worker's role. graphile-worker enables row-level
 * security on them without policies, so a policy admits the worker by name.
 */
export async function prepareQueue(owner: pg.Client, ownerUrl: string, logger: Logger): Promise<void> {
  const pgPool = openQueuePool(ownerUrl, MIGRATION_CONNECTIONS, logger)
  try {
    await runMigrations({ pgPool, logger: queueLogger(logger) })
  } finally {
    await pgPool.end()
  }
  await owner.query(`
    GRANT USAGE ON SCHEMA ${QUEUE_SCHEMA} TO ${WORKER_GROUP};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${QUEUE_SCHEMA} TO ${WORKER_GROUP};
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${QUEUE_SCHEMA} TO ${WORKER_GROUP};
    DO $$
    DECLARE
      target regclass;
    BEGIN
      FOR target IN
        SELECT c.oid::regclass FROM pg_class c
        WHERE c.relnamespace = '${QUEUE_SCHEMA}'::regnamespace AND c.relkind = 'r' AND c.relrowsecurity
          AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'worker')
      LOOP
        EXECUTE format('CREATE POLICY worker ON %s TO ${WORKER_GROUP} USING (true) WITH CHECK (true)', target);
      END LOOP;
    END
    $$`)
}
