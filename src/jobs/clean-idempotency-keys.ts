// The job that deletes old idempotency keys: a day is promised, and after three days no client retries.

import type { CommandContext } from '../auth/command-context.ts'
import type { Task } from './task.ts'

/** At least 24 hours are promised. */
const RETENTION_MS = 72 * 3_600_000
/** A short transaction per batch, so that no other waits for a long one. */
const BATCH_SIZE = 1_000
const ATTEMPTS_MAX = 5

export const cleanKeysTask: Task = {
  name: 'idempotency.clean',
  attemptsMax: ATTEMPTS_MAX,
  run: async (caller) => {
    await cleanIdempotencyKeys(caller)
  },
}

/** Deletes the tenant's keys that are older than the retention; returns how many. */
async function cleanIdempotencyKeys({ database, scope, clock }: CommandContext): Promise<number> {
  const before = new Date(clock().getTime() - RETENTION_MS)
  let count = 0
  for (;;) {
    const deleted = await database.withTenant(
      scope,
      (tx) => tx.$executeRaw`
        DELETE FROM idempotency_keys k USING (
          SELECT operation, key FROM idempotency_keys WHERE created_at < ${before} ORDER BY created_at LIMIT ${BATCH_SIZE}
        ) old
        WHERE k.operation = old.operation AND k.key = old.key`,
    )
    count += deleted
    if (deleted < BATCH_SIZE) return count
  }
}
