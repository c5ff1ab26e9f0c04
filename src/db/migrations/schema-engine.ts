// Prisma's schema engine, as WebAssembly. `prisma migrate` downloads its native one at the first use from a host that
// many company networks block; this one comes with npm. migrate.ts decides what to migrate.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PrismaPg } from '@prisma/adapter-pg'
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils'
import type { MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm/schema_engine_bg'
import * as engineModule from '@prisma/schema-engine-wasm/schema_engine_bg'
import pg from 'pg'
import type { Logger } from '../../core/logger.ts'
import type { Exceptions } from '../doctor/exceptions.ts'
import { examineMigration } from '../doctor/migration.ts'
import { prepareSession } from '../session-settings.ts'

export interface SchemaFile {
  path: string
  content: string
}

/** The settings of a migration's session, whatever the database's defaults: no time limits. */
export const NO_TIMEOUTS =
  'SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0'

const NO_FILTERS = { externalTables: [], externalEnums: [] }
const EMPTY_DIFF = '-- This is an empty migration.'

/**
 * Applies the migrations of `migrationsDir` that `url`'s database lacks, in order, each as one script, and records them
 * in `_prisma_migrations` as Prisma's own command line does, which stays usable. Returns their names. Throws the
 * engine's error; a failed migration stays recorded as such. migrate.ts locks out other processes.
 */
export async function applyMigrations(options: {
  url: string
  migrationsDir: string
  logger: Logger
  exceptions: Exceptions
}): Promise<{ applied: string[] }> {
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: 'bulkhead migrate',
    // The pool waits for it. As startup options the settings would not pass PgBouncer.
    onConnect: async (client) => {
      await prepareSession(client)
      await client.query(NO_TIMEOUTS)
    },
  })
  pool.on('error', (error) =>
    options.logger.warn({ reason: error.message }, 'a connection of the migration was lost'),
  )
  try {
    const migrationsList = await readMigrations(options.migrationsDir)
    const engine = await startEngine(new WholeScripts(pool, options.exceptions), options.logger)
    try {
      const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList, filters: NO_FILTERS })
      return { applied: appliedMigrationNames }
    } finally {
      engine.free()
    }
  } finally {
    await pool.end()
  }
}

/**
 * The SQL that changes a database from one datamodel to another (from null: from an empty one). Empty when they are
 * equal.
 */
export async function diffDatamodels(from: SchemaFile[] | null, to: SchemaFile[]): Promise<string> {
  const engine = await startEngine(noDatabase())
  try {
    const { stdout } = await engine.diff({
      from: from ? { tag: 'schemaDatamodel', files: from } : { tag: 'empty' },
      to: { tag: 'schemaDatamodel', files: to },
      script: true,
      exitCode: null,
      filters: NO_FILTERS,
    })
    const sql = stdout ?? ''
    return sql.trim() === EMPTY_DIFF ? '' : sql
  } finally {
    engine.free()
  }
}

/**
 * Prisma's adapter splits a script at every semicolon, which breaks function bodies. Sent as a whole (without
 * arguments: the simple protocol), in one transaction with the doctor's rules and the record of its completion. So a
 * migration that fails, that the doctor refuses, or whose process is killed, leaves nothing, and migrate.ts may retry it.
 * A statement that cannot run in a transaction must be the only one of its migration.
 */
class WholeScripts extends PrismaPg {
  readonly #exceptions: Exceptions

  constructor(pool: pg.Pool, exceptions: Exceptions) {
    super(pool)
    this.#exceptions = exceptions
  }

  override async connect() {
    const adapter = await super.connect()
    adapter.executeScript = async (script) => {
      if (!isTransactional(script)) return void (await adapter.executeRaw(statement(script)))
      const transaction = await adapter.startTransaction()
      try {
        await transaction.executeRaw(statement(script))
        await refuseFindings(transaction, this.#exceptions)
        await transaction.executeRaw(statement(RECORD_AS_DONE))
        await transaction.executeRaw(statement('COMMIT'))
        await transaction.commit() // which only releases the connection
      } catch (error) {
        // The first error is the relevant one; a lost connection has rolled back already.
        await transaction.executeRaw(statement('ROLLBACK')).catch(() => {})
        await transaction.rollback()
        throw error
      }
    }
    return adapter
  }
}

/** Raised in the database, so that the engine records and reports it like a statement's failure. */
async function refuseFindings(transaction: Transaction, exceptions: Exceptions): Promise<void> {
  const findings = await examineMigration(async (sql, parameters = []) => {
    const { columnNames, rows } = await transaction.queryRaw(statement(sql, parameters))
    return rows.map((row) =>
      Object.fromEntries(columnNames.map((name, index) => [name, row[index] as string])),
    )
  }, exceptions)
  if (findings.length === 0) return
  const list = findings.map(({ code, object, message }) => `${object}: ${message} (${code})`).join('; ')
  const message = `the doctor refuses what it makes: ${list}`
  await transaction.executeRaw(
    statement(`DO $refuse$ BEGIN RAISE EXCEPTION USING MESSAGE = ${pg.escapeLiteral(message)}; END $refuse$`),
  )
}

type Transaction = Awaited<ReturnType<Awaited<ReturnType<PrismaPg['connect']>>['startTransaction']>>

function statement(sql: string, parameters: readonly unknown[] = []) {
  return {
    sql,
    args: [...parameters],
    argTypes: parameters.map(() => ({ scalarType: 'string' as const, arity: 'scalar' as const })),
  }
}

/** The engine inserts the row before the script, and starts none while another row is open, so there is only one. */
const RECORD_AS_DONE =
  'UPDATE public._prisma_migrations SET finished_at = now() WHERE finished_at IS NULL AND rolled_back_at IS NULL'

/** Whether a migration's script runs as one transaction. */
export function isTransactional(script: string): boolean {
  return !/^\s*(COMMIT|ROLLBACK)\s*;|^\s*VACUUM\b|\bCONCURRENTLY\b/im.test(script)
}

async function startEngine(
  factory: SqlMigrationAwareDriverAdapterFactory,
  logger?: Logger,
): Promise<SchemaEngine> {
  await loadEngine()
  const log = (line: string) => logger?.trace({ part: 'schema-engine' }, line)
  return engineModule.SchemaEngine.new(
    { datamodels: undefined },
    log,
    bindMigrationAwareSqlAdapterFactory(factory),
  )
}

/**
 * Replaces a database when two schemas are compared: the engine connects at its creation, asks for the server's version
 * (and whether the schema exists), and then nothing more. So writing a migration needs no database.
 */
function noDatabase(): SqlMigrationAwareDriverAdapterFactory {
  const types = ColumnTypeEnum
  const refuse = () => Promise.reject(new Error('comparing datamodels must not touch a database'))
  const connect = async () => ({
    provider: 'postgres' as const,
    adapterName: 'no-database',
    queryRaw: async () => ({
      columnNames: ['exists', 'version', 'numeric_version'],
      columnTypes: [types.Boolean, types.Text, types.Int32],
      rows: [[true, 'PostgreSQL 18.0', 180_000]],
    }),
    executeRaw: refuse,
    executeScript: refuse,
    startTransaction: refuse,
    dispose: async () => {},
  })
  return { provider: 'postgres', adapterName: 'no-database', connect, connectToShadowDb: connect }
}

/** The used part of WebAssembly: Node has it, but neither its types nor our `lib` (which has no DOM) declare it. */
declare const WebAssembly: {
  instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: { exports: WasmExports } }>
}
type WasmExports = { __wbindgen_start(): void }

let loading: Promise<void> | undefined

/** Instantiates the module once per process; it is 5 MB, so it is loaded only for migrations. */
function loadEngine(): Promise<void> {
  loading ??= (async () => {
    const bindings = import.meta.resolve('@prisma/schema-engine-wasm/schema_engine_bg')
    const bytes = await readFile(new URL('schema_engine_bg.wasm', bindings))
    const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': engineImports() })
    engineModule.__wbg_set_wasm(instance.exports)
    instance.exports.__wbindgen_start()
  })()
  return loading
}

/**
 * The functions that the engine imports. It bounds a lock by a timer of 10 s that it never clears, which must not keep
 * a process alive.
 */
function engineImports(): object {
  const setUnheldTimeout = (callback: () => void, delayMs: number) =>
    setTimeout(callback, delayMs >>> 0).unref()
  return Object.fromEntries(
    Object.entries(engineModule).map(([name, binding]) => [
      name,
      name.startsWith('__wbg_setTimeout') ? setUnheldTimeout : binding,
    ]),
  )
}

/** The folder in the engine's form: every directory is a migration, except those that begin with a dot. */
async function readMigrations(migrationsDir: string): Promise<MigrationList> {
  const entries = await readdir(migrationsDir, { withFileTypes: true })
  const names = entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
  const migrationDirectories = names.toSorted().map(async (name) => {
    const sql = await readFile(join(migrationsDir, name, 'migration.sql'), 'utf8')
    return {
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value: sql } },
    }
  })
  return {
    baseDir: migrationsDir,
    lockfile: { path: 'migration_lock.toml', content: await readLockfile(migrationsDir) },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(migrationDirectories),
  }
}

async function readLockfile(migrationsDir: string): Promise<string | null> {
  return readFile(join(migrationsDir, 'migration_lock.toml'), 'utf8').catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    },
  )
}
