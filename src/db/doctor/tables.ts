// Rules about the shape of every tenant's table: its column, keys, indexes and references. policies.ts has the
// policies.
import { type Check, OUR_SCHEMAS, rule, TENANT_TABLES } from './check.ts'

const withoutTenant: Check = rule({
  code: 'tenant-id-missing',
  sql: `SELECT object FROM (${TENANT_TABLES}) t WHERE tenant_column IS NULL`,
  message: () => 'has no column tenant_id of type uuid, and is not on the list of global tables',
})

const nullableTenant: Check = rule({
  code: 'tenant-id-nullable',
  sql: `SELECT object FROM (${TENANT_TABLES}) t WHERE NOT tenant_not_null`,
  message: () => 'tenant_id may be NULL: such a row has no tenant',
})

const tenantDefault: Check = rule({
  code: 'tenant-id-default',
  sql: `
    SELECT object, pg_get_expr(d.adbin, d.adrelid) AS expression FROM (${TENANT_TABLES}) t
    LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = t.tenant_column
    WHERE tenant_column IS NOT NULL AND pg_get_expr(d.adbin, d.adrelid) IS DISTINCT FROM 'app.tenant_id()'`,
  message: ({ expression }) => `tenant_id defaults to ${expression ?? 'nothing'}, not to app.tenant_id()`,
})

const identityColumns: Check = rule({
  code: 'identity-column',
  sql: `
    SELECT object, a.attname::text AS name FROM (${TENANT_TABLES}) t
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attidentity <> '' AND NOT a.attisdropped`,
  message: ({ name }) =>
    `column ${name} counts over all tenants (it needs no right on its sequence): number per tenant`,
})

const primaryKey: Check = rule({
  code: 'primary-key',
  sql: `
    SELECT object FROM (${TENANT_TABLES}) t
    WHERE tenant_column IS NOT NULL AND NOT EXISTS (
      SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary AND i.indkey[0] = tenant_column)`,
  message: () => 'has no primary key that starts with tenant_id',
})

const indexes: Check = rule({
  code: 'index-not-tenant-led',
  sql: `
    SELECT i.indexrelid::regclass::text AS object, t.object AS on_table, i.indisunique::text AS is_unique
    FROM (${TENANT_TABLES}) t JOIN pg_index i ON i.indrelid = t.oid
    WHERE tenant_column IS NOT NULL AND NOT i.indisprimary AND i.indkey[0] <> tenant_column`,
  message: ({ on_table, is_unique }) =>
    is_unique === 'true'
      ? `unique over all tenants of ${on_table}: a refused insert tells of another tenant’s row`
      : `on ${on_table}, does not start with tenant_id`,
})

const foreignKeys: Check = rule({
  code: 'foreign-key',
  // Foreign key checks bypass row-level security, so the tenant must be part of the reference. A reference to a global
  // table must include it too: otherwise it reveals entries of others.
  sql: `
    WITH tenant_tables AS (${TENANT_TABLES})
    SELECT child.object, k.conname::text AS name, k.confrelid::regclass::text AS parent
    FROM pg_constraint k
    JOIN tenant_tables child ON child.oid = k.conrelid
    LEFT JOIN tenant_tables parent ON parent.oid = k.confrelid
    WHERE k.contype = 'f' AND NOT EXISTS (
      SELECT FROM unnest(k.conkey, k.confkey) AS pair (mine, theirs)
      WHERE pair.mine = child.tenant_column AND (parent.oid IS NULL OR pair.theirs = parent.tenant_column))`,
  message: ({ name, parent }) =>
    `foreign key ${name} to ${parent} does not pair tenant_id with tenant_id: it attaches to any tenant’s row`,
})

const foreignTables: Check = rule({
  code: 'foreign-table',
  sql: `
    SELECT c.oid::regclass::text AS object FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'f' AND ${OUR_SCHEMAS}`,
  message: () => 'a foreign table can have no policy',
})

export const tableChecks: readonly Check[] = [
  withoutTenant,
  nullableTenant,
  tenantDefault,
  identityColumns,
  primaryKey,
  indexes,
  foreignKeys,
  foreignTables,
]
