// Owns: the examination of a database before anyone is served from it. The rules are in doctor/, by subject; what to
// do about findings is the caller's.
import pg from 'pg'
import { WORKER_GROUP } from '../queue/queue-names.ts'
import { prepareSession } from '../session-settings.ts'
import type { Check, Finding, Patient, Row } from './check.ts'
import { codeChecks } from './code.ts'
import { policyChecks } from './policies.ts'
import { rightsChecks } from './rights.ts'
import { roleChecks } from './role.ts'
import { serverChecks } from './server.ts'
import { sessionChecks } from './session.ts'
import { tableChecks } from './tables.ts'
import { examineTasks, type TaskList } from './tasks.ts'
import { workerChecks } from './worker.ts'

export type { Finding }

export interface ExamineOptions {
  /** Makes a server release with a known hole in row-level security an error. */
  strictVersion?: boolean
  /** The role to examine, when it is not the one that `url` connects as. */
  role?: string
  /** Of the role that runs jobs. Without it the group is examined that the queue is granted to. */
  workerUrl?: string | null
  /** The tasks that this program queues, each with its permissions: they must be those of the database. */
  tasks?: TaskList
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
 * Examines the database at `url` from its catalogue, which any role may read: normally as the runtime role itself.
 * One connection, one read-only transaction, about thirty short queries; it changes nothing and takes no locks.
 * Resolves to the findings, none when all is well. Rejects only when the database cannot be asked, or when
 * `role` does not exist.
 */
export async function examine(url: string, options: ExamineOptions = {}): Promise<Finding[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS })
  // Unheard, a lost connection would end the process; the query under way fails with it and tells.
  client.on('error', () => {})
  await client.connect()
  try {
    await prepareSession(client)
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    // So that expressions and names are printed with their schemas, whatever the database's own setting.
    await client.query('SET LOCAL search_path = pg_catalog')
    const patient = await admit(client, options)
    const findings: Finding[] = []
    for (const check of CHECKS) findings.push(...(await check(patient)))
    findings.push(...(await examineWorker(patient, options.workerUrl ?? null)))
    if (options.tasks !== undefined) findings.push(...(await examineTasks(patient, options.tasks)))
    return findings
  } finally {
    await client.end()
  }
}

/** The role of `workerUrl`, or the queue's group: the same questions as of any role, and what it may do at all. */
async function examineWorker(patient: Patient, workerUrl: string | null): Promise<Finding[]> {
  const name = workerUrl === null ? WORKER_GROUP : decodeURIComponent(new URL(workerUrl).username)
  const [row] = await patient.query(
    'SELECT oid::text AS role, rolsuper::text AS is_superuser FROM pg_roles WHERE rolname = $1',
    [name],
  )
  if (!row) {
    const message = 'does not exist, and was to run jobs: migrate, or mend DATABASE_WORKER_URL'
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
