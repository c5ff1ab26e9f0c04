// The job that seals the audit entries recorded since the last seal. A job rather than each write, since the links of a
// chain are made one after another, and would serialise the tenant's writes (decision 10).
import type { CommandContext } from '../../auth/command-context.ts'
import { type Done, done } from '../../commands/outcome.ts'
import { runInternalCommand } from '../../commands/run-command.ts'
import type { Sealer } from '../../core/seal.ts'
import type { Transaction } from '../../db/database.ts'
import type { Task } from '../../jobs/task.ts'
import { BEGINNING, entriesIn, hashOf, NO_HASH, SEAL_PURPOSE } from './chain.ts'

export const SEAL_TASK = 'audit.seal'
const ATTEMPTS_MAX = 5
/** Entries per seal, unless more were recorded in the same microsecond. */
const SETTLED_AFTER_SECONDS = 120
/** Of one seal, unless more were recorded in the same microsecond. */
const ENTRIES_MAX = 1_000
const SAME_INSTANT_MAX = 1_000_000
/** Seals per run; the next run seals the rest. */
const SEALS_MAX = 200

export type NewSeal = { readonly sequence: number; readonly hash: string; readonly entryCount: number }

export function sealTask(sealer: Sealer): Task {
  return {
    name: SEAL_TASK,
    attemptsMax: ATTEMPTS_MAX,
    run: async (caller) => {
      await sealEntries(caller, sealer)
    },
  }
}

/**
 * Makes and returns the links for all settled entries; none when there is nothing new. After a change of the key it
 * makes at least one, so that the new key vouches for the whole chain. Concurrent runs make one chain.
 */
export async function sealEntries(
  caller: CommandContext,
  sealer: Sealer,
  entriesMax: number = ENTRIES_MAX,
): Promise<readonly NewSeal[]> {
  const made: NewSeal[] = []
  for (let attempt = 0; attempt < SEALS_MAX; attempt += 1) {
    const next = await sealNext(caller, sealer, entriesMax)
    if (next === 'NOTHING') break
    if (next === 'OVERTAKEN') continue
    made.push(next)
    // A log that is stored elsewhere keeps the chain's head.
    caller.logger.info(next, 'the audit was sealed')
  }
  return made
}

type Next = NewSeal | 'NOTHING' | 'OVERTAKEN'

/** Runs in the pipeline for its retries. It leaves no audit entry, since that would have to be sealed in turn. */
async function sealNext(caller: CommandContext, sealer: Sealer, entriesMax: number): Promise<Next> {
  const { tenantId } = caller.scope
  const command = { name: 'auditSeal', permission: 'audit:read' } as const
  return await runInternalCommand(caller, command, async (tx): Promise<Done<Next>> => {
    const due = await nextRange(tx, entriesMax)
    if (!due.isLate || (!due.hasEntries && (due.keyId ?? sealer.keyId) === sealer.keyId))
      return done(tenantId, [], [], 'NOTHING')
    const entries = await entriesIn(tx, due, [], entriesMax + SAME_INSTANT_MAX)
    const content = {
      sequence: due.sequence + 1,
      fromAt: due.fromAt,
      untilAt: due.untilAt,
      entryIds: entries.map(({ id }) => id),
      entryDigests: entries.map(({ digest }) => digest),
      previousHash: due.hash,
    }
    const hash = hashOf(tenantId, content)
    const mac = Buffer.from(sealer.mac(Buffer.from(hash, 'hex'), SEAL_PURPOSE)).toString('hex')
    // A concurrent run may have made the link with this number; then it is read again and continued from.
    const count = await tx.$executeRaw`
      INSERT INTO audit_seals
        (sequence, from_at, until_at, entry_ids, entry_digests, previous_hash, hash, mac, key_id)
      SELECT ${content.sequence}, ${due.fromAt}::timestamptz, ${due.untilAt}::timestamptz,
        ${content.entryIds}::uuid[],
        ARRAY(SELECT decode(d.digest, 'hex') FROM unnest(${content.entryDigests}::text[])
          WITH ORDINALITY AS d (digest, position) ORDER BY d.position),
        decode(${due.hash}, 'hex'), decode(${hash}, 'hex'), decode(${mac}, 'hex'), ${sealer.keyId}
      ON CONFLICT (tenant_id, sequence) DO NOTHING`
    const made = { sequence: content.sequence, hash, entryCount: entries.length }
    return done(tenantId, [], [], count === 0 ? 'OVERTAKEN' : made)
  })
}

type Due = {
  /** The sequence, hash and key of the last link; 0 before the first. */
  readonly sequence: number
  readonly hash: string
  readonly keyId: string | null
  readonly fromAt: string
  readonly untilAt: string
  readonly hasEntries: boolean
  /** Whether there is any time to seal. */
  readonly isLate: boolean
}

/** The range of the next link. It never divides entries of the same instant, so that no range holds half of them. */
async function nextRange(tx: Transaction, entriesMax: number): Promise<Due> {
  const [due] = await tx.$queryRaw<[Due]>`
    WITH range AS (
      SELECT coalesce(s.sequence, 0) AS sequence, coalesce(s.until_at, ${BEGINNING}::timestamptz) AS from_at,
        coalesce(encode(s.hash, 'hex'), ${NO_HASH}) AS hash, s.key_id,
        now() - make_interval(secs => ${SETTLED_AFTER_SECONDS}) AS settled_at
      FROM (SELECT) AS one
      LEFT JOIN (SELECT * FROM audit_seals ORDER BY sequence DESC LIMIT 1) s ON true
    ), bound AS (
      SELECT r.*,
        (SELECT e.recorded_at FROM audit_entries e WHERE e.recorded_at >= r.from_at AND e.recorded_at < r.settled_at
          ORDER BY e.recorded_at, e.id LIMIT 1) AS first_at,
        (SELECT e.recorded_at FROM audit_entries e WHERE e.recorded_at >= r.from_at AND e.recorded_at < r.settled_at
          ORDER BY e.recorded_at, e.id OFFSET ${entriesMax} LIMIT 1) AS beyond_at
      FROM range r
    ), due AS (
      SELECT b.*, CASE
          WHEN b.beyond_at IS NULL THEN b.settled_at
          WHEN b.beyond_at > b.first_at THEN b.beyond_at
          ELSE coalesce((SELECT min(e.recorded_at) FROM audit_entries e
            WHERE e.recorded_at > b.beyond_at AND e.recorded_at < b.settled_at), b.settled_at)
        END AS until_at
      FROM bound b
    )
    SELECT sequence, hash, key_id AS "keyId", first_at IS NOT NULL AS "hasEntries", from_at < until_at AS "isLate",
      CASE WHEN isfinite(from_at) THEN to_char(from_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        ELSE from_at::text END AS "fromAt",
      to_char(until_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "untilAt"
    FROM due`
  return due
}
