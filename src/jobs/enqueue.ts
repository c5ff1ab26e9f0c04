// Queues a job within the caller's transaction, so that it exists only if the transaction commits. The database stamps
// it with the transaction's tenant, and requires a permission that may queue the task (see `queuedBy` in module.ts).
import type { JsonObject } from '../commands/outcome.ts'
import type { Transaction } from '../db/database.ts'

export type NewJob = {
  readonly task: string
  /** Ids only: the job reads the rows under the tenant's scope when it runs. */
  readonly payload: JsonObject
  /** Only one job per key waits; a later one replaces it. Begins with the task's name and a colon. */
  readonly key?: string
  /** Default: at once. */
  readonly runAt?: Date
  /** After so many failures the job stays as a dead letter. */
  readonly attemptsMax: number
}

export async function enqueue(
  tx: Transaction,
  { task, payload, key, runAt, attemptsMax }: NewJob,
): Promise<void> {
  await tx.$executeRaw`
    SELECT app.enqueue(${task}, ${JSON.stringify(payload)}::jsonb, ${key ?? null}, ${runAt ?? null}::timestamptz,
      ${attemptsMax}::int)`
}
