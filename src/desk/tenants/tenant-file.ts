// The format in which a tenant is exported and restored: JSON lines, with a header, one line per row, and a trailer
// with counts, checksum and the installation's mac. Writes it from a connection. read-tenant-file.ts reads it,
// file-origin.ts verifies its origin.
import { createHash, type Hash } from 'node:crypto'
import type { Sealer } from '../../core/seal.ts'
import { fileMac } from './file-origin.ts'
import { exportedTables, installationName, readRows, schemaVersion } from './tenant-rows.ts'

/** Runs one statement of the tenant's transaction. */
export type Query = Parameters<typeof readRows>[0]

export const FORMAT = 'bulkhead-tenant'
/** Version 1 had no mac, and could not hold a text equal to the tenant's id. */
export const FORMAT_VERSION = 2

/**
 * The first line. `schema`: the newest migration of the source database; upgrade-tenant-file.ts brings a file of an earlier one
 * up to date.
 */
export type TenantFileHeader = {
  readonly format: typeof FORMAT
  readonly version: typeof FORMAT_VERSION
  readonly schema: string
  /** The public name of the installation that made it, and the id of the key of its mac. */
  readonly installation: string
  readonly key: string
  readonly tenant: { readonly slug: string; readonly name: string; readonly currency: string }
  readonly createdAt: string
}

/**
 * The last line. `sha256` covers all bytes before it; `mac` covers `sha256`, so the whole file, with the header's key.
 */
export type TenantFileTrailer = {
  readonly rows: Readonly<Record<string, number>>
  readonly total: number
  readonly sha256: string
  readonly mac: string
}

/**
 * SHA-256 of a table's rows in order, without the columns that change in a restored tenant, so that equal rows have
 * equal digests.
 */
export type TableDigests = ReadonlyMap<string, string>

export class DigestCounter {
  readonly #hashes = new Map<string, Hash>()
  readonly counts: Record<string, number> = {}

  add(table: string, proofs: readonly string[]): void {
    const hash = this.#hashes.get(table) ?? createHash('sha256')
    this.#hashes.set(table, hash)
    for (const proof of proofs) hash.update(proof).update('\n')
    this.counts[table] = (this.counts[table] ?? 0) + proofs.length
  }

  get total(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0)
  }

  digests(): TableDigests {
    return new Map([...this.#hashes].map(([table, hash]) => [table, hash.copy().digest('hex')]))
  }
}

export type TenantFile = {
  /** The file, a page of rows at a time. Read it once, within the transaction of `query`. */
  readonly bytes: () => AsyncGenerator<Buffer>
  /** The trailer, available when all was read. */
  readonly trailer: () => TenantFileTrailer
}

/** The file of the tenant in `query`'s scope; its transaction should be a snapshot. */
export function tenantFile(
  query: Query,
  source: { readonly slug: string; readonly createdAt: Date; readonly sealer: Sealer },
): TenantFile {
  let trailer: TenantFileTrailer | null = null
  return {
    async *bytes() {
      const sum = createHash('sha256')
      const counter = new DigestCounter()
      const hashed = (text: string) => {
        const bytes = Buffer.from(text)
        sum.update(bytes)
        return bytes
      }
      yield hashed(`${JSON.stringify(await headerOf(query, source))}\n`)
      for (const table of await exportedTables(query)) {
        counter.add(table, [])
        for await (const rows of readRows(query, table)) {
          counter.add(
            table,
            rows.map(({ proof }) => proof),
          )
          // A row is the database's own text, so that no number passes through a double.
          yield hashed(rows.map(({ line }) => `{"table":"${table}","row":${line}}\n`).join(''))
        }
      }
      const sha256 = sum.digest('hex')
      const mac = fileMac(sha256, source.sealer)
      trailer = { rows: counter.counts, total: counter.total, sha256, mac }
      yield Buffer.from(`${JSON.stringify(trailer)}\n`)
    },
    trailer() {
      if (trailer === null) throw new Error('the file was not read to its end')
      return trailer
    },
  }
}

async function headerOf(
  query: Query,
  { slug, createdAt, sealer }: Parameters<typeof tenantFile>[1],
): Promise<TenantFileHeader> {
  const [tenant] = await query<{ name: string; currency: string }>('SELECT name, currency FROM tenants')
  if (tenant === undefined) throw new Error('there is no tenant in scope')
  return {
    format: FORMAT,
    version: FORMAT_VERSION,
    schema: await schemaVersion(query),
    installation: await installationName(query),
    key: sealer.keyId,
    tenant: { slug, name: tenant.name, currency: tenant.currency },
    createdAt: createdAt.toISOString(),
  }
}

/** The digests of the tenant in `query`'s scope now, to be compared with a file's. */
export async function digestsOf(query: Query): Promise<DigestCounter> {
  const counter = new DigestCounter()
  for (const table of await exportedTables(query)) {
    counter.add(table, [])
    for await (const rows of readRows(query, table)) {
      counter.add(
        table,
        rows.map(({ proof }) => proof),
      )
    }
  }
  return counter
}
