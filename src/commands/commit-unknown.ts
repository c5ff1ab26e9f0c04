// A COMMIT that was sent and not answered: it may have happened, so it is looked up and never run again unseen.
import { AppError } from '../core/errors.ts'
import type { Call, Committed, Known, Unanswered } from './call.ts'
import { lookUp } from './idempotency.ts'
import { retried } from './retry.ts'

/** What was made, when it happened. Else throws SERVICE_UNAVAILABLE, with what the caller is to do. */
export async function lookUpCommit<Code extends string, Value>(
  call: Call,
  { made, error }: Unanswered<Code, Value>,
): Promise<Committed<Code, Value> | Known<Code>> {
  // Where it cannot be looked up either, the first error tells more than the second.
  const found = await find(call, made).catch(() => null)
  if (found !== null) return found
  const advice =
    call.claim === null
      ? 'look whether it happened before you send it again'
      : 'send it again with the same key'
  throw new AppError('SERVICE_UNAVAILABLE', `the database was interrupted: ${advice}`, {}, { cause: error })
}

/** By its audit entry, whose id is known; and a command that leaves none, by its key. */
async function find<Code extends string, Value>(
  { caller, claim, entryId }: Call,
  made: Committed<Code, Value>,
): Promise<Committed<Code, Value> | Known<Code> | null> {
  const { database, scope } = caller
  const written = await retried(() =>
    database.withTenant(scope, (tx) => tx.auditEntry.count({ where: { id: entryId } })),
  )
  if (written > 0) return made
  if (claim === null) return null
  const known = await lookUp<Code>(caller, claim)
  // It was still being committed when its entry was looked for: this call's own, with the value that no replay has.
  return known?.kind === 'REPLAYED' && known.outcome.entry === entryId ? made : known
}
