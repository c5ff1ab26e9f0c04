// Rules about code in the database: views, SECURITY DEFINER functions, and the functions that the policies use,
// app.tenant_id and app.may_write.
import {
  type Check,
  ERASURE_FUNCTION,
  type Finding,
  fromExtension,
  OUR_SCHEMAS,
  type Patient,
  rule,
  SCHEDULE_FUNCTION,
  sqlNames,
} from './check.ts'

/** Functions that run with the owner's rights, each with its purpose. All pin their search_path. */
const DEFINER_FUNCTIONS: Readonly<Record<string, string>> = {
  'app.resolve_member(text,text)':
    'the member of a verified token, before a tenant is known: at most one row',
  'app.memberships_of(text)': 'the tenants of a signed-in person: only their own memberships',
  'app.resolve_api_key(uuid,bytea)': 'an API key, before a tenant is known: at most one row, by its hash',
  'app.resolve_support(text,text)':
    'an active support grant: at most one row, recorded in the tenant’s audit',
  'app.note_person()':
    'a trigger: maintains the directory that app.memberships_of reads, which no other role may access',
  'app.resolve_tenant(uuid,text)': 'the tenant of a slug or a job: at most one row',
  'app.claim_mail(text,uuid)':
    'whether an address may get one more mail, over all tenants: yes or no, only for the system’s own work',
  'app.enqueue(text,jsonb,text,timestamp with time zone,integer)':
    'queues a job, stamped with the tenant in scope; no other role may access the queue’s tables',
  'app.queueable_tasks()': 'the tasks that may be queued, with their permissions: for the doctor',
  'app.end_invitations_of_member()':
    'a trigger: ends the open invitations of a member with their authority, for any SQL that removes it',
  'app.end_invitations_of_key()':
    'a trigger: ends the open invitations of a key with it, for any SQL that revokes it',
  'app.schema_version()': 'the newest migration’s name, for the header of an exported file',
  'app.installation_id()': 'this installation’s public name, for the header of an exported file',
  'app.is_demo()': 'whether the directory marks the tenant in scope as a demo tenant',
  'app.schedule_erasure(integer)':
    'sets the erasure of the tenant in scope in the directory, which no other role may access',
  [SCHEDULE_FUNCTION]: 'the schedule: a job for each active tenant; worker role only',
  [ERASURE_FUNCTION]: 'continues erasures that are due; worker role only',
}

/** Views that read with their owner's rights. */
const OWNERS_VIEWS: Readonly<Record<string, string>> = {
  'graphile_worker.jobs': 'the queue for people; worker role only, as its tables',
}

const NO_TENANT_SQLSTATE = 'BK001'
const MAY_NOT_WRITE_SQLSTATE = 'BK004'
const PROBE_TENANT = '00000000-0000-7000-8000-000000000001'

const views: Check = rule({
  code: 'view-not-invoker',
  sql: `
    SELECT c.oid::regclass::text AS object FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'v' AND ${OUR_SCHEMAS} AND NOT ${fromExtension('pg_class', 'c.oid')}
      AND c.oid::regclass::text <> ALL (${sqlNames(Object.keys(OWNERS_VIEWS))}) AND NOT EXISTS (
      SELECT FROM pg_options_to_table(c.reloptions)
      WHERE option_name = 'security_invoker' AND lower(option_value COLLATE "C") IN ('true', 'on', 'yes', '1'))`,
  message: () => 'runs with its owner’s rights: ALTER VIEW … SET (security_invoker = true)',
})

const definerListed: Check = rule({
  code: 'definer-function-unlisted',
  sql: `
    SELECT p.oid::regprocedure::text AS object FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.prosecdef AND ${OUR_SCHEMAS} AND NOT ${fromExtension('pg_proc', 'p.oid')}
      AND p.oid::regprocedure::text <> ALL (${sqlNames(Object.keys(DEFINER_FUNCTIONS))})`,
  message: () => 'is SECURITY DEFINER and not on the list of those that may be',
})

const definerPath: Check = rule({
  code: 'definer-function-path',
  sql: `
    SELECT p.oid::regprocedure::text AS object FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.prosecdef AND ${OUR_SCHEMAS} AND NOT ${fromExtension('pg_proc', 'p.oid')}
      AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS setting WHERE setting LIKE 'search\\_path=%')`,
  message: () => 'is SECURITY DEFINER without a pinned search_path: its caller chooses what its names mean',
})

/** Calls the function rather than reading its source, so that a rewritten one only needs the same behaviour. */
const tenantFunction: Check = async (patient) => {
  const crowd = await crowdOf(patient, 'tenant_id')
  if (crowd !== null) return [tenantFinding(crowd)]
  const ask = (setting: string | null) =>
    probe(patient, { name: 'app.tenant_id', setting }, 'app.tenant_id()::text')
  const unset = await ask(null)
  const ended = await ask('')
  const entered = await ask(PROBE_TENANT)
  return [
    ...(unset === NO_TENANT_SQLSTATE
      ? []
      : [tenantFinding(`without a setting it gives ${unset}, and must raise`)]),
    ...(ended === NO_TENANT_SQLSTATE ? [] : [tenantFinding(`with '' it gives ${ended}, and must raise`)]),
    ...(entered === PROBE_TENANT
      ? []
      : [tenantFinding(`with a tenant it gives ${entered}, not that tenant`)]),
  ]
}

/** The permissions of a statement, those that a table requires, and the expected answer. */
const WRITE_PROBES: readonly (readonly [granted: string | null, needed: string, answer: string])[] = [
  [null, '{orders:write}', MAY_NOT_WRITE_SQLSTATE],
  ['', '{orders:write}', MAY_NOT_WRITE_SQLSTATE],
  ['orders:read,keys:manage', '{orders:write}', MAY_NOT_WRITE_SQLSTATE],
  [null, '{}', MAY_NOT_WRITE_SQLSTATE],
  ['', '{}', MAY_NOT_WRITE_SQLSTATE],
  ['keys:manage', '{}', 'true'],
  ['keys:manage,orders:write', '{stock:write,orders:write}', 'true'],
  ['*', '{orders:write}', 'true'],
]

const writeFunction: Check = async (patient) => {
  const crowd = await crowdOf(patient, 'may_write')
  if (crowd !== null) return [writeFinding(crowd)]
  const findings: Finding[] = []
  for (const [setting, needed, answer] of WRITE_PROBES) {
    const given = await probe(
      patient,
      { name: 'app.permissions', setting },
      `app.may_write('${needed}'::text[])::text`,
    )
    if (given === answer) continue
    const granted = setting === null ? 'without a setting' : `with '${setting}'`
    const wanted = answer === 'true' ? 'give true' : 'raise'
    findings.push(writeFinding(`asked for ${needed} ${granted} it gives ${given}, and must ${wanted}`))
  }
  return findings
}

/** Why a name of ours does not identify one function; null when it does. */
async function crowdOf({ query }: Patient, name: string): Promise<string | null> {
  const [found] = await query(
    `SELECT count(*)::text AS count FROM pg_proc p WHERE p.pronamespace = to_regnamespace('app') AND p.proname = $1`,
    [name],
  )
  return found?.count === '1'
    ? null
    : `there are ${found?.count} functions of that name, not one: run the migrations again`
}

/** The result of a call under a setting (null: none), or the SQLSTATE that it raises. */
async function probe(
  { query }: Patient,
  { name, setting }: { readonly name: string; readonly setting: string | null },
  call: string,
): Promise<string> {
  await query('SAVEPOINT probe')
  try {
    if (setting !== null) await query('SELECT set_config($1, $2, true)', [name, setting])
    const [row] = await query(`SELECT ${call} AS answer`)
    return row?.answer ?? 'NULL'
  } catch (error) {
    // A lost connection has no SQLSTATE, and is no result of the function.
    if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) throw error
    return error.code
  } finally {
    await query('ROLLBACK TO SAVEPOINT probe')
  }
}

function tenantFinding(message: string): Finding {
  return { level: 'error', code: 'tenant-function', object: 'app.tenant_id()', message }
}

function writeFinding(message: string): Finding {
  return { level: 'error', code: 'write-function', object: 'app.may_write(text[])', message }
}

/** The rules about views and functions that a migration may make. */
export const codeRules: readonly Check[] = [views, definerListed, definerPath]

export const codeChecks: readonly Check[] = [...codeRules, tenantFunction, writeFunction]
