// The job that makes a tenant's file as of one moment, and stores it in the tenant's rows until it expires.
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { CommandContext } from '../../auth/command-context.ts'
import { auditOf } from '../../commands/edit.ts'
import { done } from '../../commands/outcome.ts'
import { runInternalCommand } from '../../commands/run-command.ts'
import { AppError } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { Sealer } from '../../core/seal.ts'
import type { Transaction } from '../../db/database.ts'
import { queryOf } from '../../db/names.ts'
import { type Task, textIn } from '../../jobs/task.ts'
import { failExport, makeRoom } from './end-export.ts'
import {
  EXPORT_ATTEMPTS_MAX,
  EXPORT_BYTES_MAX,
  EXPORT_KEPT_MS,
  EXPORT_TASK,
  EXPORT_TIMEOUT_MS,
} from './export-task.ts'
import { tenantFile } from './tenant-file.ts'

/** The size of a chunk before compression; a process holds a few of these at a time. */
const CHUNK_BYTES = 1_048_576
const compress = promisify(gzip)

/** `sealer` has the key with which this installation signs its files. A file larger than `bytesMax` fails. */
export function exportTask(sealer: Sealer, bytesMax = EXPORT_BYTES_MAX): Task {
  return {
    name: EXPORT_TASK,
    attemptsMax: EXPORT_ATTEMPTS_MAX,
    run: async (caller, payload) => {
      await makeExport(caller, textIn(payload, 'exportId'), { sealer, bytesMax })
    },
  }
}

type Making = { readonly sealer: Sealer; readonly bytesMax: number }

type Made = { readonly rowCount: number; readonly byteCount: bigint; readonly sha256: string }

/** Makes the file of an export. After a crash it starts again: the chunks are written all or none. */
async function makeExport(caller: CommandContext, id: string, making: Making): Promise<void> {
  const { database, scope } = caller
  const isWanted = await database.withTenant(scope, async (tx) => {
    const { count } = await tx.export.updateMany({
      where: { id, status: { in: ['PENDING', 'RUNNING'] } },
      data: { status: 'RUNNING' },
    })
    // Chunks of an attempt whose end was not recorded.
    if (count > 0) await tx.exportChunk.deleteMany({ where: { exportId: id } })
    return count > 0
  })
  if (!isWanted) return
  const bounds = { isSnapshot: true, timeoutMs: EXPORT_TIMEOUT_MS }
  try {
    const made = await database.withTenant(scope, (tx) => writeChunks(tx, caller, id, making), {}, bounds)
    await complete(caller, id, made)
  } catch (error) {
    // A retry would also be too large.
    if (!isTooLarge(error)) throw error
    await failExport(caller, id, error.message)
  }
}

function tooLarge(): AppError {
  return new AppError(
    'BAD_USER_INPUT',
    'it would be too large to be kept here: ask the platform, which exports to its own disk',
  )
}

function isTooLarge(error: unknown): error is AppError {
  return error instanceof AppError && error.code === 'BAD_USER_INPUT'
}

async function writeChunks(
  tx: Transaction,
  { tenantSlug, clock }: CommandContext,
  exportId: string,
  { sealer, bytesMax }: Making,
): Promise<Made> {
  const file = tenantFile(queryOf(tx), { slug: tenantSlug, createdAt: clock(), sealer })
  const sum = createHash('sha256')
  let byteCount = 0
  let position = 0
  let waiting: Buffer[] = []
  let waitingBytes = 0
  async function put(): Promise<void> {
    // Each chunk is a gzip member; concatenated, they are one valid gzip file.
    const content = await compress(Buffer.concat(waiting))
    sum.update(content)
    byteCount += content.length
    if (byteCount > bytesMax) throw tooLarge()
    await tx.exportChunk.create({
      data: { id: newId(), exportId, position, content: Uint8Array.from(content) },
    })
    position += 1
    waiting = []
    waitingBytes = 0
  }
  for await (const bytes of file.bytes()) {
    waiting.push(bytes)
    waitingBytes += bytes.length
    if (waitingBytes >= CHUNK_BYTES) await put()
  }
  await put()
  return { rowCount: file.trailer().total, byteCount: BigInt(byteCount), sha256: sum.digest('hex') }
}

async function complete(caller: CommandContext, id: string, made: Made): Promise<void> {
  const command = { name: 'exportComplete', permission: 'tenant:manage' } as const
  await runInternalCommand(caller, command, async (tx) => {
    const completedAt = caller.clock()
    const expiresAt = new Date(completedAt.getTime() + EXPORT_KEPT_MS)
    const data = { ...made, status: 'COMPLETED', completedAt, expiresAt } as const
    const ended = await makeRoom(tx, made.byteCount)
    const { count } = await tx.export.updateMany({ where: { id, status: 'RUNNING' }, data })
    if (count === 0) return done(id, [])
    const { rowCount, byteCount, sha256 } = made
    const after = { status: 'COMPLETED', rowCount, byteCount: byteCount.toString(), sha256 }
    return done(id, [auditOf({ type: 'Export', id }, { status: 'RUNNING' }, after), ...ended])
  })
}
