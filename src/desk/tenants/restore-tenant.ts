// Makes a new tenant from another's file in one transaction, complete and verified or not at all. Runs as the owner;
// not reachable by a tenant's request. upgrade-tenant-file.ts brings a file of an earlier schema up to date.
import { AppError } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { Sealer } from '../../core/seal.ts'
import { presentName } from '../../db/migrations/former-series.ts'
import type { OwnerConnection } from '../../db/owner.ts'
import { type FileOrigin, requireOrigin } from './file-origin.ts'
import { type ReadFile, type RowBatch, readTenantFile } from './read-tenant-file.ts'
import { auditAsOperator, enterNewTenant } from './tenant-directory.ts'
import { DigestCounter, digestsOf, type Query } from './tenant-file.ts'
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
  /** Brings a file of an earlier schema up to date; left out: such a file is refused. */
  readonly upgrade?: Upgrade
}

/** Opens a file for one pass. */
export type OpenFile = () => Promise<AsyncIterable<Buffer>>

export type Upgrade = {
  /** Whether this program knows the migrations up to this one, and so can upgrade from there. */
  readonly knows: (schema: string) => Promise<boolean>
  /** Calls `use` with a file of the present schema that has the tenant of the proved one, and removes it afterwards. */
  readonly run: <T>(
    open: OpenFile,
    proved: Pick<ReadFile, 'header' | 'sha256'>,
    use: (open: OpenFile, proved: Pick<ReadFile, 'sha256'>) => Promise<T>,
  ) => Promise<T>
}

/**
 * Restores a file as the new tenant `slug`: reads it once for its checksum, counts and mac, and again for its rows;
 * `open` is called for each pass. The rows keep their ids; secrets are not restored, so that nothing acts for the
 * original tenant. A file of an earlier schema is upgraded first. Throws BAD_USER_INPUT for a file that is incomplete,
 * altered, another installation's and not trusted, or of a schema that is not known; CONFLICT for a slug that is taken or
 * was an erased tenant's; nothing is written then.
 */
export async function restoreTenant(
  owner: OwnerConnection,
  open: OpenFile,
  { slug, name, sealer, trust = false, reuseSlug = false, upgrade }: RestoreOptions,
): Promise<RestoredTenant> {
  const version = await schemaVersion(owner.query)
  const proved = await readTenantFile(await open(), {
    begin: ({ schema }) => requireSchema(schema, version, upgrade),
    take: async () => {},
  })
  const origin = requireOrigin(proved, { sealer, installation: await installationName(owner.query), trust })
  const { header, sha256 } = proved
  const { tenant, createdAt, installation } = header
  const source = { slug: tenant.slug, createdAt, sha256, installation, origin }
  const restore = (file: OpenFile, content: Pick<ReadFile, 'sha256'>) =>
    loadTenant(owner, file, { slug, name, reuseSlug, sha256: content.sha256, source })
  const { id, rows } =
    isPresent(header.schema, version) || upgrade === undefined
      ? await restore(open, proved)
      : await upgrade.run(open, proved, restore)
  return { id, slug, source, rows }
}

/**
 * Writes the rows of a proved file of this database's schema as the new tenant `slug`, in one transaction. `source` is for the
 * audit; null: the tenant is not kept, and its audit stays as in the file.
 */
export async function loadTenant(
  owner: OwnerConnection,
  open: OpenFile,
  {
    slug,
    name,
    reuseSlug,
    sha256,
    source,
  }: {
    readonly slug: string
    readonly name: string | null
    readonly reuseSlug: boolean
    readonly sha256: string
    readonly source: RestoredTenant['source'] | null
  },
): Promise<{ readonly id: string; readonly rows: number }> {
  const tables = new Set(await exportedTables(owner.query))
  const id = newId()
  const load = async (query: Query) => {
    // A reversal may come before its entry, and an entry before its postings.
    await query('SET CONSTRAINTS ALL DEFERRED')
    await enterNewTenant(query, { id, slug, reuseSlug })
    const expected = new DigestCounter()
    const loaded = await readTenantFile(await open(), {
      begin: async () => {},
      async take({ table, lines }: RowBatch) {
        requireTable(tables, table)
        expected.add(table, await insertRows(query, { table, lines, tenantId: id, name }))
      },
    })
    if (loaded.sha256 !== sha256) throw notRestorable('it was changed while it was being restored')
    await query('SET CONSTRAINTS ALL IMMEDIATE')
    requireEqual(expected, await digestsOf(query))
    if (source !== null) await auditAsOperator(query, id, 'tenantRestore', { source, rows: loaded.total })
    return { id, rows: loaded.total }
  }
  try {
    return await owner.inTenant(id, load, { isLong: true })
  } catch (error) {
    throw isUnfit(error)
      ? notRestorable(`the database refuses its rows: ${(error as Error).message}`, error)
      : error
  }
}

function requireTable(tables: ReadonlySet<string>, table: string): void {
  if (!tables.has(table)) throw notRestorable(`it has rows of ${table}, which no export has`)
}

function isPresent(schema: string, version: string): boolean {
  return presentName(schema) === presentName(version)
}

async function requireSchema(schema: string, version: string, upgrade: Upgrade | undefined): Promise<void> {
  if (isPresent(schema, version)) return
  const isEarlier = presentName(schema) < presentName(version)
  if (isEarlier && upgrade !== undefined && (await upgrade.knows(presentName(schema)))) return
  throw notRestorable(
    `it was made under the schema ${schema}, and this database has ${version}: ` +
      (isEarlier
        ? 'this release has no such migration, so restore it with the release that made it, migrate there, and export it again'
        : 'start this release on the database, so that it is migrated; or a later one, if the file is of a later release'),
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
