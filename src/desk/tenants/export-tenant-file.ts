// Writes a tenant's file to a path, for platform staff at a terminal. Runs as the owner, in one snapshot.
import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { AppError } from '../../core/errors.ts'
import type { Sealer } from '../../core/seal.ts'
import type { OwnerConnection } from '../../db/owner.ts'
import { auditAsOperator, findTenant } from './tenant-directory.ts'
import { type TenantFileTrailer, tenantFile } from './tenant-file.ts'

const FILE_MODE = 0o600

/**
 * Writes the file of the tenant `slug`, compressed where the path ends in `.gz`. It gets its name only when it is
 * complete; then the tenant's audit records it. Throws NOT_FOUND for an unknown slug, CONFLICT for a tenant that is
 * being erased, BAD_USER_INPUT for a path that cannot be written to.
 */
export async function exportTenantFile(
  owner: OwnerConnection,
  slug: string,
  path: string,
  { now, sealer }: { readonly now: Date; readonly sealer: Sealer },
): Promise<TenantFileTrailer> {
  const { id, isErasing } = await findTenant(owner, slug)
  if (isErasing)
    throw new AppError('CONFLICT', `the tenant "${slug}" is being erased: it is not whole any more`)
  const partial = `${path}.${randomUUID()}.part`
  try {
    return await owner.inTenant(
      id,
      async (query) => {
        const file = tenantFile(query, { slug, createdAt: now, sealer })
        const sink = createWriteStream(partial, { flags: 'wx', mode: FILE_MODE, flush: true })
        await (path.endsWith('.gz')
          ? pipeline(file.bytes(), createGzip(), sink)
          : pipeline(file.bytes(), sink))
        const trailer = file.trailer()
        await rename(partial, path)
        await auditAsOperator(query, id, 'tenantExport', { rows: trailer.total, sha256: trailer.sha256 })
        return trailer
      },
      { isLong: true },
    )
  } catch (error) {
    await rm(partial, { force: true })
    throw isOfFiles(error) ? notWritable(path, error) : error
  }
}

function isOfFiles(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error && 'path' in error
}

function notWritable(path: string, cause: Error): AppError {
  return new AppError('BAD_USER_INPUT', `${path} cannot be written: ${cause.message}`, {}, { cause })
}
