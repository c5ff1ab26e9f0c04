// The job that makes a tenant's file, as of one moment, and keeps it in the tenant's own rows until it has expired.
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Caller } from '../commands/caller.ts'
import { auditOf } from '../commands/edit.ts'
import { done } from '../commands/outcome.ts'
import { runCommand } from '../commands/run-command.ts'
import { newId } from '../core/ids.ts'
import type { Transaction } from '../db/database.ts'
import { queryOf } from '../db/tenant-rows.ts'
import { type Task, textIn } from '../jobs/task.ts'
import { EXPORT_ATTEMPTS_MAX, EXPORT_KEPT_MS, EXPORT_TASK, EXPORT_TIMEOUT_MS } from './export-task.ts'
import { tenantFile } from './tenant-file.ts'

/** Of the file before it is compressed: what a process holds of it at a time is a few times this. */
const CHUNK_BYTES = 1_048_576
const compress = promisify(gzip)

export const exportTask: Task = {
  name: EXPORT_TASK,
  attemptsMax: EXPORT_ATTEMPTS_MAX,
  run: async (caller, payload) => {
    await makeExport(caller, textIn(payload, 'exportId'))
  },
}

type Made = { readonly rowCount: number; readonly byteCount: bigint; readonly sha256: string }

/** Makes the file of an export that is not made yet. After a crash it is begun anew: chunks come all at once or not at all. */
async function makeExport(caller: Caller, id: string): Promise<void> {
  const { database, scope } = caller
  const isWanted = await database.withTenant(scope, async (tx) => {
    const { count } = await tx.export.updateMany({
      where: { id, status: { in: ['PENDING', 'RUNNING'] } },
      data: { status: 'RUNNING' },
    })
    // Of an attempt whose end was not recorded.
    if (count > 0) await tx.exportChunk.deleteMany({ where: { exportId: id } })
    return count > 0
  })
  if (!isWanted) return
  const bounds = { isSnapshot: true, timeoutMs: EXPORT_TIMEOUT_MS }
  const made = await database.withTenant(scope, (tx) => writeChunks(tx, caller, id), {}, bounds)
  await complete(caller, id, made)
}

async function writeChunks(tx: Transaction, { tenantSlug, clock }: Caller, exportId: string): Promise<Made> {
  const file = tenantFile(queryOf(tx), { slug: tenantSlug, createdAt: clock() })
  const sum = createHash('sha256')
  let byteCount = 0
  let position = 0
  let waiting: Buffer[] = []
  let waitingBytes = 0
  async function put(): Promise<void> {
    // Each a member of its own: one after another they are one file to every tool that knows gzip.
    const content = await compress(Buffer.concat(waiting))
    sum.update(content)
    byteCount += content.length
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

async function complete(caller: Caller, id: string, made: Made): Promise<void> {
  const command = { name: 'exportComplete', permission: 'tenant:manage', input: null } as const
  await runCommand(caller, command, async (tx) => {
    const completedAt = caller.clock()
    const expiresAt = new Date(completedAt.getTime() + EXPORT_KEPT_MS)
    const data = { ...made, status: 'COMPLETED', completedAt, expiresAt } as const
    const { count } = await tx.export.updateMany({ where: { id, status: 'RUNNING' }, data })
    if (count === 0) return done(id, [])
    const { rowCount, byteCount, sha256 } = made
    const after = { status: 'COMPLETED', rowCount, byteCount: byteCount.toString(), sha256 }
    return done(id, [auditOf({ type: 'Export', id }, { status: 'RUNNING' }, after)])
  })
}
