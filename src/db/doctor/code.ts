// Owns: rules about what runs inside the database: views, SECURITY DEFINER functions, and app.tenant_id itself.
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

/** Functions that run with the owner's rights, each with what it is for. All pin their search_path. */
const DEFINER_FUNCTIONS: Readonly<Record<string, string>> = {
  'app.resolve_member(text,text)':
    'who a verified token speaks for, before a tenant is known: at most one row',
  'app.memberships_of(text)':
    'among which tenants somebody who signed in may choose: their own memberships and no more',
  'app.resolve_api_key(uuid,bytea)':
    'what an API key speaks for, before a tenant is entered: at most one row, by its hash',
  'app.resolve_support(text,text)':
    'whether one of the platform’s people may enter a tenant: at most one row, noted in its audit',
  'app.note_person()':
    'a trigger: keeps the directory that app.memberships_of reads, which nobody else may touch',
  'app.resolve_tenant(uuid,text)':
    'which tenant an address or a job is of, before it is entered: at most one row',
  'app.enqueue(text,jsonb,text,timestamp with time zone,integer)':
    'puts a job into the queue, whose tables nobody else may touch, and stamps it with the tenant in scope',
  'app.schema_version()': 'which migration is the newest: a name, for the header of an exported file',
  'app.schedule_erasure(integer)':
    'when the tenant in scope is to be erased, in the directory, which nobody else may touch',
  [SCHEDULE_FUNCTION]: 'the schedule: a job for each active tenant; for the worker’s role alone',
  [ERASURE_FUNCTION]: 'goes on with erasures that are due anyway; for the worker’s role alone',
}

/** Views that read with their owner's rights. */
const OWNERS_VIEWS: Readonly<Record<string, string>> = {
  'graphile_worker.jobs': 'the queue as a person reads it; of the worker’s role alone, as its tables are',
}

const NO_TENANT_SQLSTATE = 'BK001'
const PROBE_TENANT = '00000000-0000-7000-8000-000000000001'

const views: Check = rule({
  code: 'view-not-invoker',
  sql: `
    SELECT c.oid::regclass::text AS object FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'v' AND ${OUR_SCHEMAS} AND NOT ${fromExtension('pg_class', 'c.oid')}
      AND c.oid::regclass::text <> ALL (${sqlNames(Object.keys(OWNERS_VIEWS))}) AND NOT EXISTS (
      SELECT FROM pg_options_to_table(c.reloptions)
      WHERE option_name = 'security_invoker' AND lower(option_value) IN ('true', 'on', 'yes', '1'))`,
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

/** Asks the function rather than reading its source: whoever rewrites it must keep what it does. */
const tenantFunction: Check = async (patient) => {
  const [found] = await patient.query(`
    SELECT count(*)::text AS count FROM pg_proc p
    WHERE p.pronamespace = to_regnamespace('app') AND p.proname = 'tenant_id'`)
  if (found?.count !== '1') {
    return [
      tenantFinding(`there are ${found?.count} functions of that name, not one: run the migrations again`),
    ]
  }
  const unset = await probe(patient, null)
  const ended = await probe(patient, '')
  const entered = await probe(patient, PROBE_TENANT)
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

/** What app.tenant_id() gives for a setting (null: none), or the SQLSTATE that it raises. */
async function probe({ query }: Patient, setting: string | null): Promise<string> {
  await query('SAVEPOINT probe')
  try {
    if (setting !== null) await query(`SELECT set_config('app.tenant_id', $1, true)`, [setting])
    const [row] = await query('SELECT app.tenant_id()::text AS tenant')
    return row?.tenant ?? 'NULL'
  } catch (error) {
    // A lost connection has no SQLSTATE and is no answer of the function's.
    if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) throw error
    return error.code
  } finally {
    await query('ROLLBACK TO SAVEPOINT probe')
  }
}

function tenantFinding(message: string): Finding {
  return { level: 'error', code: 'tenant-function', object: 'app.tenant_id()', message }
}

export const codeChecks: readonly Check[] = [views, definerListed, definerPath, tenantFunction]
