// Makes a new tenant from another's file in one transaction, complete and verified or not at all. Runs as the owner;
// not reachable by a tenant's request.
import { AppError } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { Sealer } from '../../core/seal.ts'
import { isSameSchema } from '../../db/migrations/former-series.ts'
import type { OwnerConnection } from '../../db/owner.ts'
import { type FileOrigin, requireOrigin } from './file-origin.ts'
import { type RowBatch, readTenantFile } from './read-tenant-file.ts'
import { auditAsOperator, enterNewTenant } from './tenant-directory.ts'
import { DigestCounter, digestsOf, type Query, type TenantFileHeader } from './tenant-file.ts'
import { exportedTables, insertRows, installationName, schemaVersion } from './tenant-rows.ts'

export type RestoredTenant = {
  readonly id: string
  readonly slug: string
  /** The tenant of the file, and the time of the export. */
  readonly source: {
    readonly slug: string
    readonly createdAt: string
    readonly sha256: string
    readonly installation: string
    readonly origin: FileOrigin
  }
  readonly rows: number
}

export type RestoreOptions = {
  readonly slug: string
  /** Null: the name in the file. */
  readonly name: string | null
  /** With the keys that sign this installation's files. */
  readonly sealer: Sealer
  /** Accepts a file of another installation without proof. */
  readonly trust?: boolean
  /** Reuses the slug of an erased tenant. */
  readonly reuseSlug?: boolean
}

/**
 * Restores a file as the new tenant `slug`: reads it once for its checksum, counts and mac, and again for its rows;
 * `open` is called for each pass. The rows keep their ids; secrets are not restored, so that nothing acts for the
 * original tenant. Throws BAD_USER_INPUT for a file that is incomplete, altered, another installation's and not
 * trusted, or not of this database's schema; CONFLICT for a slug that is taken or was an erased tenant's; nothing is
 * written then.
 */
export async function restoreTenant(
  owner: OwnerConnection,
  open: () => Promise<AsyncIterable<Buffer>>,
  { slug, name, sealer, trust = false, reuseSlug = false }: RestoreOptions,
): Promise<RestoredTenant> {
  const tables = new Set(await exportedTables(owner.query))
  const proved = await readTenantFile(await open(), {
    begin: (header) => requireSchema(owner.query, header),
    take: async ({ table }) => requireTable(tables, table),
  })
  const origin = requireOrigin(proved, { sealer, installation: await installationName(owner.query), trust })
  const id = newId()
  const restore = async (query: Query): Promise<RestoredTenant> => {
    // A reversal may come before its entry, and an entry before its postings.
    await query('SET CONSTRAINTS ALL DEFERRED')
    await enterNewTenant(query, { id, slug, reuseSlug })
    const expected = new DigestCounter()
    const { header, sha256, total } = await readTenantFile(await open(), {
      begin: (read) => requireSchema(query, read),
      async take({ table, lines }: RowBatch) {
        requireTable(tables, table)
        expected.add(table, await insertRows(query, { table, lines, tenantId: id, name }))
      },
    })
    if (sha256 !== proved.sha256) throw notRestorable('it was changed while it was being restored')
    await query('SET CONSTRAINTS ALL IMMEDIATE')
    requireEqual(expected, await digestsOf(query))
    const { tenant, createdAt, installation } = header
    const source = { slug: tenant.slug, createdAt, sha256, installation, origin }
    await auditAsOperator(query, id, 'tenantRestore', { source, rows: total })
    return { id, slug, source, rows: total }
  }
  try {
    return await owner.inTenant(id, restore, { isLong: true })
  } catch (error) {
    throw isUnfit(error)
      ? notRestorable(`the database refuses its rows: ${(error as Error).message}`, error)
      : error
  }
}

function requireTable(tables: ReadonlySet<string>, table: string): void {
  if (!tables.has(table)) throw notRestorable(`it has rows of ${table}, which no export has`)
}

async function requireSchema(query: Query, { schema }: TenantFileHeader): Promise<void> {
  const version = await schemaVersion(query)
  if (isSameSchema(schema, version)) return
  throw notRestorable(
    `it was made under the schema ${schema}, and this database has ${version}: ` +
      'restore it where the schema is the same, migrate there, and export it again',
  )
}

/** The written rows, read back, must equal those of the file: this finds a trigger or a rule that altered them. */
function requireEqual(expected: DigestCounter, found: DigestCounter): void {
  const digests = found.digests()
  for (const [table, digest] of expected.digests()) {
    if (digests.get(table) !== digest)
      throw notRestorable(`its rows of ${table}, read back, are not those of the file`)
  }
  if (found.total !== expected.total) throw notRestorable('there are more restored rows than in the file')
}

/** SQLSTATEs of values and rows that a table rejects: classes 22 and 23, 54 (too deep), and those of our triggers. */
function isUnfit(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(22|23|54|BK|P0001)/.test(String(error.code))
}

function notRestorable(why: string, cause?: unknown): AppError {
  return new AppError('BAD_USER_INPUT', `this file cannot be restored: ${why}`, {}, { cause })
}
