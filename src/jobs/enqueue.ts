// Queues a job within the caller's transaction: it is there if, and only if, the transaction commits. The database stamps
// it with the transaction's tenant, and refuses whoever lacks the permission that queues the task: modules.ts.
import type { JsonObject } from '../commands/outcome.ts'
import type { Transaction } from '../db/database.ts'

export type NewJob = {
  readonly task: string
  /** Ids only: what they stand for is read under the tenant's scope when the job runs. */
  readonly payload: JsonObject
  /** One job of a key waits at a time: a later one takes its place. Begins with the task's name and a colon. */
  readonly key?: string
  /** At once, unless told. */
  readonly runAt?: Date
  /** A job that failed so often stays as a dead letter. */
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
