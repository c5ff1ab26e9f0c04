// Reads a tenant's file, plain or compressed, line by line within bounds, and refuses one that is not complete. That is
// known only at its end, so the caller must be able to undo what it did before.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { FORMAT, FORMAT_VERSION, type TenantFileHeader } from './tenant-file.ts'

/** Longer than any row that the database accepts from a request. */
const LINE_BYTES_MAX = 16 * 1_048_576
/** Rows per insert. */
const BATCH_ROWS_MAX = 500
const BATCH_BYTES_MAX = 1_048_576
/** A shop's rows compress to between a tenth and a thirtieth. A file that unpacks to more than this is an attack. */
const UNPACKED_RATIO_MAX = 200
/** The ratio does not apply below this size: a short file of equal rows is no attack. */
const UNPACKED_BYTES_FREE = 64 * 1_048_576
const SLUG_LENGTH_MAX = 63
const NAME_LENGTH_MAX = 1_000
const NEWLINE = 0x0a
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b])

const headerSchema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(FORMAT_VERSION),
  schema: z.string().regex(/^\w{1,200}$/),
  installation: z.string().regex(/^inst_[0-9a-z]{26}$/),
  key: z.string().regex(/^[0-9a-f]{1,64}$/),
  tenant: z.strictObject({
    slug: z.string().max(SLUG_LENGTH_MAX),
    name: z.string().max(NAME_LENGTH_MAX),
    currency: z.string().length(3),
  }),
  createdAt: z.iso.datetime(),
})

const olderSchema = z.object({ format: z.literal(FORMAT), version: z.int().max(FORMAT_VERSION - 1) })

const trailerSchema = z.strictObject({
  rows: z.record(z.string(), z.int().min(0)),
  total: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  mac: z.string().regex(/^[0-9a-f]{64}$/),
})

export type RowBatch = { readonly table: string; readonly lines: readonly string[] }

/** A file's bytes, decompressed if necessary. Throws NOT_FOUND when there is none. */
export async function openTenantFile(path: string): Promise<AsyncIterable<Buffer>> {
  const start = Buffer.alloc(GZIP_MAGIC.length)
  let packedBytes: number
  try {
    const handle = await open(path)
    try {
      await handle.read(start, 0, start.length, 0)
      packedBytes = (await handle.stat()).size
    } finally {
      await handle.close()
    }
  } catch (cause) {
    throw new AppError('NOT_FOUND', `${path} cannot be read`, { path }, { cause })
  }
  const raw = createReadStream(path)
  // The reader gets the errors of both streams.
  return start.equals(GZIP_MAGIC)
    ? unpacked(
        pipeline(raw, createGunzip(), () => {}),
        packedBytes,
      )
    : raw
}

/** Throws for a file that unpacks to far more than a tenant's rows would. */
async function* unpacked(source: AsyncIterable<Buffer>, packedBytes: number): AsyncGenerator<Buffer> {
  const bytesMax = Math.max(UNPACKED_BYTES_FREE, packedBytes * UNPACKED_RATIO_MAX)
  let bytes = 0
  for await (const chunk of source) {
    bytes += chunk.length
    if (bytes > bytesMax) throw notWhole(`it unpacks to more than ${UNPACKED_RATIO_MAX} times its size`)
    yield chunk
  }
}

export type ReadFile = {
  readonly header: TenantFileHeader
  /** Of the bytes before the last line, computed here. */
  readonly sha256: string
  readonly mac: string
  readonly total: number
}

/**
 * Reads a file: calls `begin` with its header, then `take` with its rows in batches of one table. Resolves when the
 * whole file was read and matches its last line; throws BAD_USER_INPUT otherwise, when part of it may have been taken
 * already.
 */
export async function readTenantFile(
  source: AsyncIterable<Buffer>,
  reader: {
    readonly begin: (header: TenantFileHeader) => Promise<void>
    readonly take: (batch: RowBatch) => Promise<void>
  },
): Promise<ReadFile> {
  const sum = createHash('sha256')
  const counts: Record<string, number> = Object.create(null)
  const batch = new Batch(reader.take)
  let trailer: z.infer<typeof trailerSchema> | null = null
  let header: TenantFileHeader | null = null
  for await (const line of linesOf(source)) {
    if (trailer !== null) throw notWhole('there is something after its last line')
    const text = textOf(line)
    if (header === null) {
      header = headerIn(text)
      await reader.begin(header)
    } else if (text.startsWith('{"table":')) {
      const { table, row } = rowIn(text)
      // Alternating rows of two tables would be inserted one by one.
      if (table !== batch.table && counts[table] !== undefined)
        throw notWhole(`its rows of ${table} are not contiguous`)
      counts[table] = (counts[table] ?? 0) + 1
      await batch.add(table, row)
    } else {
      trailer = parsed(trailerSchema, text, 'it has a line that is neither a row nor its last')
      continue
    }
    sum.update(line).update('\n')
  }
  if (header === null || trailer === null) throw notWhole('its last line is missing')
  await batch.flush()
  const { rows, total, sha256, mac } = trailer
  if (sum.digest('hex') !== sha256) throw notWhole('its checksum does not match its content')
  const sumOfCounts = Object.values(counts).reduce((all, count) => all + count, 0)
  const isCounted = Object.entries(rows).every(([table, count]) => count === (counts[table] ?? 0))
  if (!isCounted || total !== sumOfCounts) throw notWhole('its row counts do not match')
  return { header, sha256, mac, total }
}

/** Collects rows of one table, until the batch is full or another table begins. */
class Batch {
  readonly #take: (batch: RowBatch) => Promise<void>
  #table = ''
  #lines: string[] = []
  #bytes = 0

  constructor(take: (batch: RowBatch) => Promise<void>) {
    this.#take = take
  }

  /** The table of these rows; empty before the first. */
  get table(): string {
    return this.#table
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
  if (isOlder(text)) {
    throw new AppError(
      'BAD_USER_INPUT',
      'this file is of a release before files were signed, and of its schema; nothing was restored: restore it with that ' +
        'release, migrate there, and export it again',
    )
  }
  return parsed(
    headerSchema,
    text,
    `it does not begin with a header of the format ${FORMAT} ${FORMAT_VERSION}`,
  )
}

function isOlder(text: string): boolean {
  try {
    return olderSchema.safeParse(JSON.parse(text)).success
  } catch {
    return false
  }
}

/** Strict: invalid UTF-8 and a byte order mark refuse the file, instead of being repaired. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textOf(line: Buffer): string {
  try {
    return utf8.decode(line)
  } catch {
    throw notWhole('it has a line that is not valid UTF-8')
  }
}

const ROW = /^\{"table":"(?<table>[a-z_][a-z0-9_]{0,62})","row":(?<row>\{.*\})\}$/s

function rowIn(text: string): { table: string; row: string } {
  const { table, row } = ROW.exec(text)?.groups ?? {}
  if (table === undefined || row === undefined) throw notWhole('it has an invalid row')
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

/** The lines without their ends. Throws for a line that is too long, and for a last line without an end. */
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
  if (restBytes > 0) throw notWhole('it ends within a line')
}

/** The source, with decompression errors in our words. */
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
