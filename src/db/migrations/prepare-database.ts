// Prepares what a database needs besides its tables: a restricted runtime role, and time limits. The migrations grant
// that role its rights on tables; the doctor checks the result.
import type pg from 'pg'
import { AppError } from '../../core/errors.ts'
import { WORKER_GROUP } from '../queue/queue-names.ts'
import { SESSION_SETTINGS } from '../session-settings.ts'

/** The role to which the migrations grant everything. The login role is this one or a member of it. */
const RUNTIME_GROUP = 'bulkhead_runtime'

/** Time limits of every session, so that none can hold a connection or a lock for ever. */
const DATABASE_TIMEOUTS_MS = {
  statement_timeout: 15_000,
  idle_in_transaction_session_timeout: 15_000,
  lock_timeout: 5_000,
} as const

/** Of DATABASE_URL and, where jobs are run, DATABASE_WORKER_URL. */
export interface LoginRoles {
  runtimeRole: string
  workerRole: string | null
}

interface RoleFacts {
  is_owner: boolean
  is_super: boolean
  bypasses_rls: boolean
  may_log_in: boolean
  is_in_owner: boolean
}

/** Refuses a database that is not in UTF8, since addresses could not be compared in it. Throws SERVICE_UNAVAILABLE. */
export async function checkEncoding(owner: pg.Client): Promise<void> {
  const { rows } = await owner.query<{ encoding: string }>('SELECT getdatabaseencoding() AS encoding')
  const encoding = rows[0]?.encoding
  if (encoding === 'UTF8') return
  throw new AppError(
    'SERVICE_UNAVAILABLE',
    `The database of DATABASE_OWNER_URL has the encoding ${encoding}, and must have UTF8. Make one with ` +
      `CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8', and move what there is with pg_dump and pg_restore.`,
    { encoding },
  )
}

/**
 * Refuses login roles that policies do not restrict (the owner, a superuser, …), that are the same role, or that cannot
 * work, before anything is changed. `owner` is connected as the migrating role; `workerRole` null: no jobs are run.
 * Throws SERVICE_UNAVAILABLE with advice.
 */
export async function checkRoles(owner: pg.Client, { runtimeRole, workerRole }: LoginRoles): Promise<void> {
  await checkLogin(owner, 'DATABASE_URL', runtimeRole)
  if (workerRole === runtimeRole) {
    const complaint = `DATABASE_URL and DATABASE_WORKER_URL name the same role "${runtimeRole}", which would read every tenant's jobs. `
    throw new AppError('SERVICE_UNAVAILABLE', complaint + separate('DATABASE_WORKER_URL'), { workerRole })
  }
  if (workerRole !== null) await checkLogin(owner, 'DATABASE_WORKER_URL', workerRole)
  await checkGroup(owner, RUNTIME_GROUP)
  await checkGroup(owner, WORKER_GROUP)
}

async function checkLogin(owner: pg.Client, setting: string, role: string): Promise<void> {
  const { rows } = await owner.query<RoleFacts>(
    `SELECT rolname = current_user AS is_owner, rolsuper AS is_super, rolbypassrls AS bypasses_rls,
       rolcanlogin AS may_log_in, pg_has_role(oid, current_user::regrole, 'MEMBER') AS is_in_owner
     FROM pg_roles WHERE rolname = $1`,
    [role],
  )
  const complaint = complaintAbout(setting, role, rows[0])
  if (complaint) throw new AppError('SERVICE_UNAVAILABLE', complaint, { role })
}

function complaintAbout(setting: string, role: string, facts: RoleFacts | undefined): string | null {
  const quoted = `"${role}"`
  if (!facts) {
    return `The role ${quoted} of ${setting} does not exist. As a superuser: CREATE ROLE ${quoted} LOGIN PASSWORD '…';`
  }
  if (facts.is_owner)
    return `${setting} and DATABASE_OWNER_URL name the same role ${quoted}. ${separate(setting)}`
  if (facts.is_super)
    return `The role ${quoted} of ${setting} is a superuser, and no policy applies to superusers. ${separate(setting)}`
  if (facts.bypasses_rls)
    return `The role ${quoted} of ${setting} has BYPASSRLS, so no policy applies to it. ${separate(setting)}`
  if (facts.is_in_owner)
    return `The role ${quoted} of ${setting} is a member of the owner's. ${separate(setting)}`
  if (!facts.may_log_in)
    return `The role ${quoted} of ${setting} may not log in. As a superuser: ALTER ROLE ${quoted} LOGIN;`
  return null
}

function separate(setting: string): string {
  return `It must be a separate role that owns nothing: set ${setting} to such a role.`
}

/** A migration creates the group if it is missing. Checked before, since a failed migration needs cleaning up. */
async function checkGroup(owner: pg.Client, group: string): Promise<void> {
  const { rows } = await owner.query<{ possible: boolean }>(
    `SELECT bool_or(rolname = $1 OR (rolname = current_user AND (rolcreaterole OR rolsuper))) AS possible FROM pg_roles`,
    [group],
  )
  if (rows[0]?.possible) return
  throw new AppError(
    'SERVICE_UNAVAILABLE',
    `The role ${group} does not exist and the owner may not create it. As a superuser: CREATE ROLE ${group} NOLOGIN;`,
  )
}

/**
 * Grants the login roles what the migrations granted to the groups, makes our session settings the database's defaults,
 * and sets the database's timeouts where an operator has set none. Done through the database, not by startup options,
 * which do not pass PgBouncer. Affects new sessions only. Throws SERVICE_UNAVAILABLE when the owner may not, with
 * advice.
 */
export async function prepareDatabase(
  owner: pg.Client,
  { runtimeRole, workerRole }: LoginRoles,
): Promise<void> {
  await joinGroup(owner, { setting: 'DATABASE_URL', role: runtimeRole, group: RUNTIME_GROUP })
  if (workerRole !== null) {
    await joinGroup(owner, { setting: 'DATABASE_WORKER_URL', role: workerRole, group: WORKER_GROUP })
  }
  const { rows } = await owner.query<{ name: string; settings: string[] }>(
    `SELECT datname AS name, coalesce((SELECT setconfig FROM pg_db_role_setting s WHERE s.setdatabase = d.oid AND setrole = 0), '{}') AS settings
     FROM pg_database d WHERE datname = current_database()`,
  )
  const { name = '', settings = [] } = rows[0] ?? {}
  const database = owner.escapeIdentifier(name)
  // A cloned database inherits neither rights nor settings, so they are set here and not only where it is made.
  await owner.query(`REVOKE TEMPORARY ON DATABASE ${database} FROM PUBLIC`)
  // Sessions that a pooler opens have no other settings. Unlike the time limits these are not an operator's to choose.
  const missing = Object.entries(SESSION_SETTINGS).filter(
    ([setting, value]) => !settings.includes(`${setting}=${value}`),
  )
  await owner.query(
    missing.map(([setting, value]) => `ALTER DATABASE ${database} SET ${setting} = '${value}'`).join('; '),
  )
  for (const [setting, timeoutMs] of Object.entries(DATABASE_TIMEOUTS_MS)) {
    if (settings.some((own) => own.startsWith(`${setting}=`))) continue
    await owner.query(`ALTER DATABASE ${database} SET ${setting} = '${timeoutMs}ms'`)
  }
}

async function joinGroup(
  owner: pg.Client,
  { setting, role, group }: { setting: string; role: string; group: string },
): Promise<void> {
  // USAGE, not MEMBER: a membership without inheritance gives a session no rights.
  const usable = async () => {
    const { rows } = await owner.query<{ usable: boolean }>('SELECT pg_has_role($1, $2, $3) AS usable', [
      role,
      group,
      'USAGE',
    ])
    return rows[0]?.usable === true
  }
  if (await usable()) return
  const grant = `GRANT ${group} TO ${owner.escapeIdentifier(role)}`
  try {
    await owner.query(grant)
  } catch (cause) {
    throw new AppError(
      'SERVICE_UNAVAILABLE',
      `The role of ${setting} must be a member of ${group}, and the owner may not make it one. As a superuser: ${grant};`,
      { role },
      { cause },
    )
  }
  if (await usable()) return
  throw new AppError(
    'SERVICE_UNAVAILABLE',
    `The role "${role}" of ${setting} does not inherit the rights of ${group}. As a superuser: ` +
      `ALTER ROLE ${owner.escapeIdentifier(role)} INHERIT; REVOKE ${group} FROM ${owner.escapeIdentifier(role)}; ${grant};`,
    { role },
  )
}
