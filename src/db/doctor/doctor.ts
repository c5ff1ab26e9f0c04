// Checks a database before it is served. The rules are in this folder, by subject; the caller acts on the findings.
import pg from 'pg'
import type { AlphabeticalColumn } from '../models.ts'
import { WORKER_GROUP } from '../queue/queue-names.ts'
import { prepareSession } from '../session-settings.ts'
import type { Check, Finding, Patient, Row } from './check.ts'
import { codeChecks } from './code.ts'
import { type Exceptions, withoutExceptions } from './exceptions.ts'
import { policyChecks } from './policies.ts'
import { rightsChecks } from './rights.ts'
import { roleChecks } from './role.ts'
import { serverChecks } from './server.ts'
import { sessionChecks } from './session.ts'
import { examineSorts } from './sorts.ts'
import { tableChecks } from './tables.ts'
import { examineTasks, type TaskList } from './tasks.ts'
import { workerChecks } from './worker.ts'
import { examineWriters, type KnownWriters } from './writers.ts'

export type { Finding }

export interface ExamineOptions {
  /** Makes a server release with a known row-level security bug an error. */
  strictVersion?: boolean
  /** The role to check, when it is not the one of `url`. */
  role?: string
  /** Of the role that runs jobs. Default: the group to which the queue is granted is checked. */
  workerUrl?: string | null
  /** The tasks that this program queues, each with its permissions; the database must have the same. */
  tasks?: TaskList
  /** The valid writers of a table. Default: not checked. */
  writers?: KnownWriters
  /** The columns that lists are sorted by alphabetically: each has an index. Default: not checked. */
  alphabetical?: readonly AlphabeticalColumn[]
  /** Objects of the program that are not findings. Default: none. */
  exceptions?: Exceptions
}

const CHECKS: readonly Check[] = [
  ...roleChecks,
  ...rightsChecks,
  ...tableChecks,
  ...policyChecks,
  ...codeChecks,
  ...serverChecks,
  ...sessionChecks,
]

const CONNECT_TIMEOUT_MS = 10_000

/**
 * Checks the database at `url` by its catalogue, which any role may read; normally as the runtime role itself. One
 * connection, one read-only transaction, about thirty short queries, no locks. Resolves to the findings; empty when
 * everything is right. Rejects only when the database cannot be reached, or when `role` does not exist.
 */
export async function examine(url: string, options: ExamineOptions = {}): Promise<Finding[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS })
  // Without a listener a lost connection would end the process; the running query fails with the same error.
  client.on('error', () => {})
  await client.connect()
  try {
    await prepareSession(client)
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    // So that expressions and names are printed with their schemas, whatever the database's setting.
    await client.query('SET LOCAL search_path = pg_catalog')
    const patient = await admit(client, options)
    const findings: Finding[] = []
    for (const check of CHECKS) findings.push(...(await check(patient)))
    findings.push(...(await examineWorker(patient, options.workerUrl ?? null)))
    if (options.tasks !== undefined) findings.push(...(await examineTasks(patient, options.tasks)))
    if (options.writers !== undefined) findings.push(...(await examineWriters(patient, options.writers)))
    if (options.alphabetical !== undefined)
      findings.push(...(await examineSorts(patient, options.alphabetical)))
    return withoutExceptions(findings, options.exceptions ?? {})
  } finally {
    await client.end()
  }
}

/** Checks the role of `workerUrl`, or the queue's group: the rules for every role, and those for the worker. */
async function examineWorker(patient: Patient, workerUrl: string | null): Promise<Finding[]> {
  const name = workerUrl === null ? WORKER_GROUP : decodeURIComponent(new URL(workerUrl).username)
  const [row] = await patient.query(
    'SELECT oid::text AS role, rolsuper::text AS is_superuser FROM pg_roles WHERE rolname = $1',
    [name],
  )
  if (!row) {
    const message = 'does not exist, and is configured to run jobs: migrate, or fix DATABASE_WORKER_URL'
    return [{ level: 'error', code: 'worker-missing', object: `role ${name}`, message }]
  }
  const worker = { ...patient, role: row.role ?? '', isSuperuser: row.is_superuser === 'true' }
  const findings: Finding[] = []
  for (const check of workerChecks) findings.push(...(await check(worker)))
  return findings
}

async function admit(client: pg.Client, options: ExamineOptions): Promise<Patient> {
  const query = async (sql: string, parameters: readonly unknown[] = []): Promise<Row[]> =>
    (await client.query<Row>(sql, [...parameters])).rows
  const [row] = await query(
    `SELECT r.oid::text AS role, r.rolsuper::text AS is_superuser,
       current_setting('server_version_num') AS version
     FROM pg_roles r WHERE r.rolname = coalesce($1, current_user)`,
    [options.role ?? null],
  )
  if (!row) throw new Error(`there is no role ${options.role}`)
  return {
    query,
    role: row.role ?? '',
    isSuperuser: row.is_superuser === 'true',
    versionNum: Number(row.version),
    strictVersion: options.strictVersion ?? false,
  }
}
