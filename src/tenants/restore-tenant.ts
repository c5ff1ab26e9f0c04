// Makes a new tenant of another's file, in one transaction: all of it, proved, or nothing. As the owner of the tables; no
// tenant's request comes here.
import { AppError } from '../core/errors.ts'
import { newId } from '../core/ids.ts'
import type { OwnerConnection } from '../db/owner.ts'
import { auditAsOperator, enterNewTenant } from '../db/tenant-directory.ts'
import { exportedTables, insertRows, schemaVersion } from '../db/tenant-rows.ts'
import { type RowBatch, readTenantFile } from './read-tenant-file.ts'
import { DigestCounter, digestsOf, type Query, type TenantFileHeader } from './tenant-file.ts'

export type RestoredTenant = {
  readonly id: string
  readonly slug: string
  /** Whose file it was, and of when. */
  readonly source: { readonly slug: string; readonly createdAt: string; readonly sha256: string }
  readonly rows: number
}

/**
 * Restores a file as the new tenant `slug`: read once for its sum and counts, and only then again for its rows; `open` is
 * called for each. The rows keep their ids; secrets do not come along, so that nothing works in
 * the name of the tenant that they are from. Throws BAD_USER_INPUT for a file that is not whole or not of this database's
 * schema, CONFLICT for a slug that is taken; nothing is there then.
 */
export async function restoreTenant(
  owner: OwnerConnection,
  open: () => Promise<AsyncIterable<Buffer>>,
  { slug, name }: { readonly slug: string; readonly name: string | null },
): Promise<RestoredTenant> {
  const proved = await readTenantFile(await open(), {
    begin: (header) => requireSchema(owner.query, header),
    take: async () => {},
  })
  const id = newId()
  const restore = async (query: Query): Promise<RestoredTenant> => {
    // A reversal may come before what it reverses, an entry before its postings.
    await query('SET CONSTRAINTS ALL DEFERRED')
    await enterNewTenant(query, { id, slug })
    const tables = new Set(await exportedTables(query))
    const expected = new DigestCounter()
    let header: TenantFileHeader | undefined
    const { sha256, total } = await readTenantFile(await open(), {
      async begin(read) {
        await requireSchema(query, read)
        header = read
      },
      async take({ table, lines }: RowBatch) {
        if (!tables.has(table)) throw notRestorable(`it has rows of ${table}, which no export has`)
        expected.add(table, await insertRows(query, { table, lines, tenantId: id, name }))
      },
    })
    if (header === undefined || sha256 !== proved.sha256) {
      throw notRestorable('it was changed while it was being restored')
    }
    await query('SET CONSTRAINTS ALL IMMEDIATE')
    requireEqual(expected, await digestsOf(query))
    const source = { slug: header.tenant.slug, createdAt: header.createdAt, sha256 }
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

async function requireSchema(query: Query, { schema }: TenantFileHeader): Promise<void> {
  const version = await schemaVersion(query)
  if (schema === version) return
  throw notRestorable(
    `it was made under the schema ${schema}, and this database has ${version}: ` +
      'restore it where the schema is the same, migrate there, and export it again',
  )
}

/** What was written, read back, must be what the file says: a trigger or a rule that altered it would be found here. */
function requireEqual(expected: DigestCounter, found: DigestCounter): void {
  const digests = found.digests()
  for (const [table, digest] of expected.digests()) {
    if (digests.get(table) !== digest)
      throw new Error(`the restored rows of ${table} are not those of the file`)
  }
  if (found.total !== expected.total) throw new Error('there are more restored rows than in the file')
}

/** SQLSTATEs of values and rows that a table does not take: classes 22 and 23, and the ledger's own. */
function isUnfit(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(22|23|BK010)/.test(String(error.code))
}

function notRestorable(why: string, cause?: unknown): AppError {
  return new AppError('BAD_USER_INPUT', `this file cannot be restored: ${why}`, {}, { cause })
}
