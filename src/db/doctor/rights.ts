// Rules about the role's rights on each object, from the access lists of every role that it is or may become, including
// PUBLIC.
import { appendOnlyTables } from '../append-only.ts'
import { QUEUE_SCHEMA, WORKER_GROUP } from '../queue/queue-names.ts'
import {
  type Check,
  fromExtension,
  GLOBAL_TABLES,
  OUR_SCHEMAS,
  rightsRule,
  SCHEDULE_FUNCTION,
  sqlNames,
  TENANT_TABLES,
} from './check.ts'

/** For an aclexplode() named `granted`: it applies to the role. */
export const REACHES = `(granted.grantee = 0 OR pg_has_role($1::oid, granted.grantee, 'MEMBER'))`

/** Rights on whole relations and on their columns. */
export const RELATION_RIGHTS = `
  SELECT c.oid, c.relkind, c.oid::regclass::text AS object, granted.privilege_type AS privilege,
    granted.is_grantable, granted.grantee, granted.grantee = c.relowner AS by_owner
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (
    SELECT * FROM aclexplode(coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner)))
    UNION ALL
    SELECT columns.* FROM pg_attribute a CROSS JOIN LATERAL aclexplode(a.attacl) AS columns
    WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL AND NOT a.attisdropped
  ) AS granted
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND ${OUR_SCHEMAS} AND ${REACHES}`

const excessive: Check = rightsRule({
  code: 'right-excessive',
  sql: `
    SELECT object, string_agg(DISTINCT privilege || CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END, ', ') AS rights
    FROM (${RELATION_RIGHTS}) r
    WHERE relkind <> 'S' AND (privilege NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE') OR is_grantable)
    GROUP BY object`,
  message: ({ rights }) =>
    `the runtime role holds ${rights}; at most SELECT, INSERT, UPDATE, DELETE may be granted`,
})

const tenantUpdatable: Check = rightsRule({
  code: 'tenant-id-updatable',
  sql: `
    SELECT object FROM (${TENANT_TABLES}) t
    WHERE tenant_column IS NOT NULL AND has_column_privilege($1::oid, oid, tenant_column, 'UPDATE')`,
  message: () => 'the runtime role may UPDATE tenant_id: grant UPDATE column by column (app.protect does)',
})

/** When it is asked: by then the modules have declared their tables. */
const appendOnly: Check = (patient) =>
  rightsRule({
    code: 'append-only-writable',
    sql: `
    SELECT object, string_agg(DISTINCT privilege, ', ') AS rights FROM (${RELATION_RIGHTS}) r
    WHERE object = ANY (${sqlNames(appendOnlyTables())}) AND privilege IN ('UPDATE', 'DELETE')
    GROUP BY object`,
    message: ({ rights }) => `is append-only, but the runtime role holds ${rights}`,
  })(patient)

const globalTables: Check = rightsRule({
  code: 'global-table-granted',
  sql: `
    SELECT object, string_agg(DISTINCT privilege, ', ') AS rights FROM (${RELATION_RIGHTS}) r
    WHERE object = ANY (${sqlNames(Object.keys(GLOBAL_TABLES))})
    GROUP BY object`,
  message: ({ rights }) => `this table has no policy, but the runtime role holds ${rights}: revoke it`,
})

const queue: Check = rightsRule({
  code: 'queue-granted',
  sql: `
    SELECT 'schema ' || n.nspname AS object, granted.privilege_type AS privilege
    FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) AS granted
    WHERE n.nspname = '${QUEUE_SCHEMA}' AND ${REACHES}
    UNION
    SELECT p.oid::regprocedure::text, granted.privilege_type
    FROM pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) AS granted
    WHERE p.oid = to_regprocedure('${SCHEDULE_FUNCTION}') AND ${REACHES}`,
  message: ({ privilege }) =>
    `the runtime role holds ${privilege}, and the queue has every tenant’s jobs: revoke it, or the membership in ${WORKER_GROUP}`,
})

const schemaCreate: Check = rightsRule({
  code: 'schema-create',
  sql: `
    SELECT 'schema ' || quote_ident(n.nspname) AS object FROM pg_namespace n
    WHERE n.nspname !~ '^pg_(toast|temp)' AND has_schema_privilege($1::oid, n.oid, 'CREATE')`,
  message: () => 'the runtime role may CREATE here: what it makes, it owns',
})

const database: Check = rightsRule({
  code: 'database-right',
  sql: `
    SELECT 'database ' || quote_ident(current_database()) AS object, privilege
    FROM unnest('{CREATE,TEMPORARY}'::text[]) AS privilege
    WHERE has_database_privilege($1::oid, current_database(), privilege)`,
  message: ({ privilege }) => `the runtime role holds ${privilege}: REVOKE it from PUBLIC and from the role`,
})

const sequences: Check = rightsRule({
  code: 'sequence-granted',
  sql: `
    SELECT object, string_agg(DISTINCT privilege, ', ') AS rights FROM (${RELATION_RIGHTS}) r
    WHERE relkind = 'S' GROUP BY object`,
  message: ({ rights }) =>
    `the runtime role holds ${rights}: a sequence's gaps tell a tenant of the others' volume; number per tenant`,
})

const parameters: Check = rightsRule({
  code: 'parameter-granted',
  sql: `
    SELECT 'parameter ' || p.parname AS object, granted.privilege_type AS privilege
    FROM pg_parameter_acl p CROSS JOIN LATERAL aclexplode(p.paracl) AS granted
    WHERE ${REACHES}`,
  message: ({ privilege }) =>
    `the runtime role holds ${privilege} on a superuser's parameter, such as turns off foreign keys`,
})

const materializedViews: Check = rightsRule({
  code: 'materialized-view-readable',
  sql: `SELECT DISTINCT object FROM (${RELATION_RIGHTS}) r WHERE relkind = 'm' AND privilege = 'SELECT'`,
  message: () => 'a materialized view can have no policy, and the runtime role may read it: revoke that',
})

const definersForAll: Check = rightsRule({
  code: 'definer-function-public',
  sql: `
    SELECT p.oid::regprocedure::text AS object FROM pg_proc p
    JOIN pg_namespace n ON n.oid = p.pronamespace
    CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS granted
    WHERE p.prosecdef AND ${OUR_SCHEMAS} AND granted.grantee = 0 AND NOT ${fromExtension('pg_proc', 'p.oid')}`,
  message: () => 'SECURITY DEFINER, and PUBLIC may execute it: REVOKE EXECUTE FROM PUBLIC, grant it by name',
})

/** The rules about grants that a migration may make. */
export const grantRules: readonly Check[] = [
  excessive,
  tenantUpdatable,
  appendOnly,
  globalTables,
  sequences,
  materializedViews,
  definersForAll,
]

export const rightsChecks: readonly Check[] = [...grantRules, queue, schemaCreate, database, parameters]
