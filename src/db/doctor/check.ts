// The types of the doctor's checks and findings, the global tables, and SQL that the checks share.

export interface Finding {
  level: 'error' | 'warning'
  /** Stable, for tests and tools. */
  code: string
  /** The object of the finding, schema-qualified: `public.orders`, `role bulkhead_runtime`. */
  object: string
  message: string
}

/** What a check gets: one connection, inside a transaction whose search_path is only pg_catalog. */
export interface Patient {
  query(sql: string, parameters?: readonly unknown[]): Promise<Row[]>
  /** The role's oid, as text: `$1` of every rule about rights. */
  role: string
  isSuperuser: boolean
  versionNum: number
  strictVersion: boolean
}

/** Columns are text: every rule casts what it selects. */
export type Row = Readonly<Record<string, string | null>>

export type Check = (patient: Patient) => Promise<Finding[]>

interface Rule {
  code: string
  level?: Finding['level']
  /** Each row is a finding: `object`, and what `message` reads. */
  sql: string
  message: (row: Row) => string
}

/** A check that is one query over the catalogue; every row is a violation. */
export function rule({ code, level = 'error', sql, message }: Rule): Check {
  return async (patient) => {
    const rows = await patient.query(sql, sql.includes('$1') ? [patient.role] : [])
    return rows.map((row) => ({ level, code, object: row.object ?? '', message: message(row) }))
  }
}

/** A rule about a role's rights. It skips a superuser, who may do anything: that is one finding, not a hundred. */
export function rightsRule(parts: Rule): Check {
  const check = rule(parts)
  return async (patient) => (patient.isSuperuser ? [] : check(patient))
}

/**
 * Tables that belong to no tenant, each with the reason why it has no policy. The runtime role has no right on any of
 * them.
 */
export const GLOBAL_TABLES: Readonly<Record<string, string>> = {
  'app.tenant_directory': 'read before a tenant is known, one entry at a time, through app.resolve_member',
  'app.person_directory':
    'the memberships of an address, read before a tenant is chosen, through app.memberships_of',
  'app.frozen_columns': 'columns that are never updated, for app.protect; owner only',
  'app.tenant_hooks': 'the modules’ hooks for a new tenant; owner only',
  'app.retained': 'the tables of which records are retained after an erasure; owner only',
  'app.tasks': 'the tasks that may be queued, and their permissions; owner only',
  'app.mailed_recipients':
    'how often an address was written to in the last day, by its hash, over all tenants; through app.claim_mail',
  'app.erased_tenants': 'erased tenants; owner only',
  'app.used_slugs': 'used slugs, so that no other tenant gets one; owner only',
  'app.installation': 'this installation’s public name; read through app.installation_id',
  'app.retained_records': 'records of erased tenants that must be retained by law; owner only',
  'public._prisma_migrations': 'the record of the migrations; owner only',
  'graphile_worker.migrations': 'the record of the queue’s own migrations; owner only',
  'graphile_worker._private_jobs': 'the queue: ids, stamped with their tenant; worker role only',
  'graphile_worker._private_job_queues': 'which lanes of the queue are busy; worker role only',
  'graphile_worker._private_tasks': 'the names of tasks; worker role only',
  'graphile_worker._private_known_crontabs': 'when the schedule last ran; worker role only',
}

/** The functions outside the queue that only its role may call: they have no tenant. */
export const SCHEDULE_FUNCTION = 'app.enqueue_for_tenants(text,integer)'
export const ERASURE_FUNCTION = 'app.erase_due_tenants(integer)'

/** Names from our own constants, as an SQL array literal. */
export function sqlNames(names: readonly string[]): string {
  return `'{${names.map((name) => `"${name}"`).join(',')}}'::text[]`
}

/** For a `pg_namespace n`: schemas that are not PostgreSQL's. */
export const OUR_SCHEMAS = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`

/** Whether an extension owns the object. */
export const fromExtension = (catalogue: string, oid: string) => `EXISTS (
  SELECT FROM pg_depend d WHERE d.classid = '${catalogue}'::regclass AND d.objid = ${oid} AND d.deptype = 'e')`

/**
 * A query of every table that must have a tenant: all but the global ones, including partitioned tables and partitions
 * (a partition can be queried directly). `tenant_column` is null where there is none.
 */
export const TENANT_TABLES = `
  SELECT c.oid, c.oid::regclass::text AS object, c.relrowsecurity, c.relforcerowsecurity,
         a.attnum AS tenant_column, a.attnotnull AS tenant_not_null
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND a.atttypid = 'uuid'::regtype
    AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.relkind IN ('r', 'p') AND ${OUR_SCHEMAS}
    AND c.oid::regclass::text <> ALL (${sqlNames(Object.keys(GLOBAL_TABLES))})`
