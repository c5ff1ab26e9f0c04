// Reads the links of a tenant's chain of seals, and the digests of the entries that they cover. seal-entries.ts makes
// the links; chain-check.ts verifies them.
import { createHash } from 'node:crypto'
import type { Transaction } from '../../db/database.ts'

/** The purpose of a seal's mac, so that no other mac of the same key is valid for a seal. */
export const SEAL_PURPOSE = 'audit seal'

const HASH_BYTES = 32
/** The hash before the first link. */
export const NO_HASH = '00'.repeat(HASH_BYTES)
/** The start of the first seal. */
export const BEGINNING = '-infinity'

/** Timestamps are text, since a Date does not hold microseconds. Bytes are hexadecimal. */
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

/** SHA-256 of the whole link, in hexadecimal. The JSON is canonical, since it consists of strings and one number. */
export function hashOf(tenantId: string, seal: SealedContent): string {
  const { sequence, fromAt, untilAt, entryIds, entryDigests, previousHash } = seal
  const content = [tenantId, sequence, fromAt, untilAt, entryIds, entryDigests, previousHash]
  return createHash('sha256').update(JSON.stringify(content)).digest('hex')
}

/** At most `take` links after a sequence number, in order. */
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
 * The entries recorded in [from, until), in order, and those of `ids` wherever they are, each with the digest of its
 * whole row. It calls only PostgreSQL's functions, by qualified names, since the database's owner could replace ours to
 * return the sealed digests. At most `take` rows; those of `ids` come first.
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
