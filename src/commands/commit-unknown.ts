// Handles a COMMIT that was sent and got no answer: it may have happened, so it is looked up instead of being run
// again.
import { AppError } from '../core/errors.ts'
import type { Call, Committed, Known, Unanswered } from './call.ts'
import { lookUp } from './idempotency.ts'
import { retried } from './retry.ts'

/** The result, if it happened. Otherwise throws SERVICE_UNAVAILABLE with advice for the caller. */
export async function lookUpCommit<Code extends string, Value>(
  call: Call,
  { made, error }: Unanswered<Code, Value>,
): Promise<Committed<Code, Value> | Known<Code>> {
  // If the look-up fails too, the first error says more than the second.
  const found = await find(call, made).catch(() => null)
  if (found !== null) return found
  const advice =
    call.claim === null
      ? 'check whether it happened before you send it again'
      : 'send it again with the same key'
  throw new AppError('SERVICE_UNAVAILABLE', `the database was interrupted: ${advice}`, {}, { cause: error })
}

/** By its audit entry, whose id is known; a command without audit entries by its key. */
async function find<Code extends string, Value>(
  { caller, claim, entryId }: Call,
  made: Committed<Code, Value>,
): Promise<Committed<Code, Value> | Known<Code> | null> {
  const { database, scope } = caller
  const written = await retried(() =>
    database.withTenant(scope, async (tx) => {
      const rows = await tx.$queryRaw<unknown[]>`SELECT FROM audit_entries WHERE id = ${entryId}::uuid`
      return rows.length
    }),
  )
  if (written > 0) return made
  if (claim === null) return null
  const known = await lookUp<Code>(caller, claim)
  // It was still committing during the look-up of its entry: this call's own result, with the value that a replay
  // lacks.
  return known?.kind === 'REPLAYED' && known.outcome.entry === entryId ? made : known
}
