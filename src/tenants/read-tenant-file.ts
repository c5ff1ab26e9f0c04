// Owns: reading a tenant's file, plain or compressed, line by line within bounds, and refusing one that is not whole. Only
// at its end is it known to be: whoever acts on what is read before must be able to undo it.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { z } from 'zod'
import { AppError } from '../core/errors.ts'
import { FORMAT, FORMAT_VERSION, type TenantFileHeader } from './tenant-file.ts'

/** Longer than any row that the database takes from a request. */
const LINE_BYTES_MAX = 16 * 1_048_576
/** Of one batch: what is inserted at once. */
const BATCH_ROWS_MAX = 500
const BATCH_BYTES_MAX = 1_048_576
const NEWLINE = 0x0a
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b])

const headerSchema = z.object({
  format: z.literal(FORMAT),
  version: z.literal(FORMAT_VERSION),
  schema: z.string().min(1),
  tenant: z.object({ slug: z.string(), name: z.string(), currency: z.string() }),
  createdAt: z.iso.datetime(),
})

const trailerSchema = z.object({
  rows: z.record(z.string(), z.int().min(0)),
  total: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
})

export type RowBatch = { readonly table: string; readonly lines: readonly string[] }

/** A file's bytes, decompressed where they are compressed. Throws NOT_FOUND when there is none. */
export async function openTenantFile(path: string): Promise<AsyncIterable<Buffer>> {
  const start = Buffer.alloc(GZIP_MAGIC.length)
  try {
    const handle = await open(path)
    try {
      await handle.read(start, 0, start.length, 0)
    } finally {
      await handle.close()
    }
  } catch (cause) {
    throw new AppError('NOT_FOUND', `${path} cannot be read`, { path }, { cause })
  }
  const raw = createReadStream(path)
  // What breaks in either is the error of whoever reads.
  return start.equals(GZIP_MAGIC) ? pipeline(raw, createGunzip(), () => {}) : raw
}

/**
 * Reads a file: `begin` is given its header, then `take` its rows in batches of one table. Resolves when the whole file was
 * read and is what its last line says; throws BAD_USER_INPUT when it is not, after part of it may have been taken.
 */
export async function readTenantFile(
  source: AsyncIterable<Buffer>,
  reader: {
    readonly begin: (header: TenantFileHeader) => Promise<void>
    readonly take: (batch: RowBatch) => Promise<void>
  },
): Promise<{ readonly sha256: string; readonly total: number }> {
  const sum = createHash('sha256')
  const counts: Record<string, number> = {}
  const batch = new Batch(reader.take)
  let trailer: z.infer<typeof trailerSchema> | null = null
  let isBegun = false
  for await (const line of linesOf(source)) {
    if (trailer !== null) throw notWhole('there is something after its last line')
    const text = line.toString('utf8')
    if (!isBegun) {
      await reader.begin(headerIn(text))
      isBegun = true
    } else if (text.startsWith('{"table":')) {
      const { table, row } = rowIn(text)
      counts[table] = (counts[table] ?? 0) + 1
      await batch.add(table, row)
    } else {
      trailer = parsed(trailerSchema, text, 'it has a line that is neither a row nor its last')
      continue
    }
    sum.update(line).update('\n')
  }
  if (trailer === null) throw notWhole('its last line is missing')
  await batch.flush()
  const { rows, total, sha256 } = trailer
  if (sum.digest('hex') !== sha256) throw notWhole('its checksum is not that of its content')
  const sumOfCounts = Object.values(counts).reduce((all, count) => all + count, 0)
  const isCounted = Object.entries(rows).every(([table, count]) => count === (counts[table] ?? 0))
  if (!isCounted || total !== sumOfCounts) throw notWhole('its rows are not as many as it says')
  return { sha256, total }
}

/** Rows of one table, until they are enough or another table begins. */
class Batch {
  readonly #take: (batch: RowBatch) => Promise<void>
  #table = ''
  #lines: string[] = []
  #bytes = 0

  constructor(take: (batch: RowBatch) => Promise<void>) {
    this.#take = take
  }

  async add(table: string, row: string): Promise<void> {
    if (table !== this.#table) await this.flush()
    this.#table = table
    this.#lines.push(row)
    this.#bytes += row.length
    if (this.#lines.length >= BATCH_ROWS_MAX || this.#bytes >= BATCH_BYTES_MAX) await this.flush()
  }

  async flush(): Promise<void> {
    if (this.#lines.length === 0) return
    const batch = { table: this.#table, lines: this.#lines }
    this.#lines = []
    this.#bytes = 0
    await this.#take(batch)
  }
}

function headerIn(text: string): TenantFileHeader {
  return parsed(headerSchema, text, `it does not begin as a file of the format ${FORMAT} ${FORMAT_VERSION}`)
}

const ROW = /^\{"table":"(?<table>[a-z_][a-z0-9_]{0,62})","row":(?<row>\{.*\})\}$/s

function rowIn(text: string): { table: string; row: string } {
  const { table, row } = ROW.exec(text)?.groups ?? {}
  if (table === undefined || row === undefined) throw notWhole('it has a row that is none')
  return { table, row }
}

function parsed<T>(schema: z.ZodType<T>, text: string, complaint: string): T {
  let value: unknown
  try {
    value = JSON.parse(text) as unknown
  } catch {
    throw notWhole(complaint)
  }
  const result = schema.safeParse(value)
  if (!result.success) throw notWhole(complaint)
  return result.data
}

/** The lines without their ends. Throws for a line that is too long, and for a last one that does not end. */
async function* linesOf(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer[] = []
  let restBytes = 0
  for await (const chunk of decompressed(source)) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      yield Buffer.concat([...rest, chunk.subarray(start, end)])
      rest = []
      restBytes = 0
      start = end + 1
    }
    if (start < chunk.length) rest.push(chunk.subarray(start))
    restBytes += chunk.length - start
    if (restBytes > LINE_BYTES_MAX) throw notWhole('it has a line that is longer than any row')
  }
  if (restBytes > 0) throw notWhole('it breaks off within a line')
}

/** The source, with what decompression says of a broken file in our words. */
async function* decompressed(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* source
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')) {
      throw notWhole(`its compression is broken (${error.message})`)
    }
    throw error
  }
}

function notWhole(why: string): AppError {
  return new AppError(
    'BAD_USER_INPUT',
    `this is not the whole file of a tenant: ${why}; nothing was restored`,
  )
}
