// The links of a tenant's chain of seals, as rows: reading them, and the digests of the entries that they cover. What a
// link is made of is here; who makes one is seal-entries.ts, who proves them is the integrity check.
import { createHash } from 'node:crypto'
import type { Transaction } from '../../db/database.ts'

/** What a seal's mac is good for: nothing else that the same key vouches for can stand in its place. */
export const SEAL_PURPOSE = 'audit seal'

const HASH_BYTES = 32
/** The link before the first. */
export const NO_HASH = '00'.repeat(HASH_BYTES)
/** Where the first seal begins. */
export const BEGINNING = '-infinity'

/** Instants are texts: to the microsecond, which a Date does not hold. Bytes are in hex. */
export type Seal = {
  readonly sequence: number
  readonly fromAt: string
  readonly untilAt: string
  readonly entryIds: readonly string[]
  readonly entryDigests: readonly string[]
  readonly previousHash: string
  readonly hash: string
  readonly mac: string
  readonly keyId: string
}

export type SealedContent = Omit<Seal, 'hash' | 'mac' | 'keyId'>

/** SHA-256 over the whole link, in hex: of one spelling, since it is JSON of texts and one number. */
export function hashOf(tenantId: string, seal: SealedContent): string {
  const { sequence, fromAt, untilAt, entryIds, entryDigests, previousHash } = seal
  const content = [tenantId, sequence, fromAt, untilAt, entryIds, entryDigests, previousHash]
  return createHash('sha256').update(JSON.stringify(content)).digest('hex')
}

/** At most `take` links after a sequence, in their order. */
export async function sealsAfter(tx: Transaction, sequence: number, take: number): Promise<Seal[]> {
  return await tx.$queryRaw<Seal[]>`
    SELECT sequence,
      CASE WHEN isfinite(from_at) THEN to_char(from_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        ELSE from_at::text END AS "fromAt",
      CASE WHEN isfinite(until_at) THEN to_char(until_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        ELSE until_at::text END AS "untilAt",
      to_jsonb(entry_ids) AS "entryIds",
      (SELECT coalesce(jsonb_agg(encode(d.digest, 'hex') ORDER BY d.position), '[]')
        FROM unnest(entry_digests) WITH ORDINALITY AS d (digest, position)) AS "entryDigests",
      encode(previous_hash, 'hex') AS "previousHash", encode(hash, 'hex') AS hash, encode(mac, 'hex') AS mac,
      key_id AS "keyId"
    FROM audit_seals WHERE sequence > ${sequence} ORDER BY sequence LIMIT ${take}`
}

export type DigestedEntry = { readonly id: string; readonly digest: string; readonly isInRange: boolean }

/**
 * The entries recorded in [from, until), in their order, and those of `ids` wherever they are, each with the digest of all
 * that is in it. The functions are PostgreSQL's own, by their full names: whoever owns the database could put others in
 * place of ours, and have them answer what was sealed. At most `take` rows; those of `ids` come first.
 */
export async function entriesIn(
  tx: Transaction,
  { fromAt, untilAt }: Pick<Seal, 'fromAt' | 'untilAt'>,
  ids: readonly string[],
  take: number,
): Promise<DigestedEntry[]> {
  return await tx.$queryRaw<DigestedEntry[]>`
    SELECT e.id, e.recorded_at >= ${fromAt}::timestamptz AND e.recorded_at < ${untilAt}::timestamptz AS "isInRange",
      pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.jsonb_build_array(
        e.tenant_id, e.id, e.actor_kind, e.actor_id, e.actor_label, e.action, e.subject_type, e.subject_id, e.before,
        e.after, e.request_id, extract(epoch FROM e.created_at)::text, extract(epoch FROM e.recorded_at)::text
      )::text, 'UTF8')), 'hex') AS digest
    FROM audit_entries e
    WHERE (e.recorded_at >= ${fromAt}::timestamptz AND e.recorded_at < ${untilAt}::timestamptz)
      OR e.id = ANY (${[...ids]}::uuid[])
    ORDER BY e.id = ANY (${[...ids]}::uuid[]) DESC, e.recorded_at, e.id LIMIT ${take}`
}
