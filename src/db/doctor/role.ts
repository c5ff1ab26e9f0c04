// Rules about the role itself: its attributes, its objects, its memberships, its presets. rights.ts has the rules about
// its rights.
import { type Check, rightsRule, rule } from './check.ts'

/**
 * Roles that $1 is or may become: every membership counts, since SET ROLE, or granting it to oneself with the admin
 * option, takes one statement.
 */
const REACHABLE = `
  SELECT r.* , r.oid = $1::oid AS itself FROM pg_roles r
  WHERE r.oid = $1::oid OR (pg_has_role($1::oid, r.oid, 'MEMBER')
    AND NOT (SELECT s.rolsuper FROM pg_roles s WHERE s.oid = $1::oid))`

const attributes: Check = rule({
  code: 'role-attribute',
  sql: `
    SELECT 'role ' || r.rolname AS object, attribute, r.itself::text AS itself
    FROM (${REACHABLE}) r
    CROSS JOIN LATERAL (VALUES ('SUPERUSER', r.rolsuper), ('BYPASSRLS', r.rolbypassrls),
      ('CREATEROLE', r.rolcreaterole), ('CREATEDB', r.rolcreatedb), ('REPLICATION', r.rolreplication)
    ) AS held (attribute, has)
    WHERE held.has`,
  message: ({ attribute, itself }) =>
    itself === 'true'
      ? `is ${attribute}: row-level security does not apply to such a role`
      : `is ${attribute}, and the role that was examined may become it: revoke the membership`,
})

/** Ownership of these does not weaken the walls: a large object has no policy, but no code of ours reads one. */
const STRAY = `d.classid IN ('pg_largeobject'::regclass, 'pg_default_acl'::regclass)`

/** pg_shdepend has the owner of everything: tables, schemas, functions, types, and the database itself. */
const owned = (which: string) => `
    SELECT 'role ' || r.rolname AS object, r.itself::text AS itself, count(*)::text AS count,
      min(pg_describe_object(d.classid, d.objid, d.objsubid)) AS example
    FROM (${REACHABLE}) r
    JOIN pg_shdepend d ON d.refclassid = 'pg_authid'::regclass AND d.refobjid = r.oid AND d.deptype = 'o'
    WHERE ${which} AND (d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
      OR (d.dbid = 0 AND d.classid = 'pg_database'::regclass
        AND d.objid = (SELECT oid FROM pg_database WHERE datname = current_database())))
    GROUP BY r.rolname, r.itself`

const strays: Check = rightsRule({
  code: 'role-stray',
  level: 'warning',
  sql: owned(STRAY),
  message: ({ count, example }) =>
    `owns ${count} object(s) that no tenant's table needs (${example}), and that every session of the server may read: ` +
    'look at what made them, and remove them (lo_unlink, DROP OWNED BY)',
})

const ownership: Check = rightsRule({
  code: 'role-owner',
  sql: owned(`NOT ${STRAY}`),
  message: ({ itself, count, example }) =>
    itself === 'true'
      ? `owns ${count} object(s) of this database (${example}): an owner may disable row-level security`
      : `owns ${count} object(s) of this database (${example}), and the role that was examined is a member of it: revoke that`,
})

const predefinedRoles: Check = rightsRule({
  code: 'role-predefined',
  sql: `
    SELECT 'role ' || r.rolname AS object FROM (${REACHABLE}) r
    WHERE r.rolname ~ '^pg_' AND r.rolname <> 'pg_database_owner'`,
  message: () =>
    'reaches past the grants of single tables, and the role that was examined is a member of it: revoke that',
})

const presetTenant: Check = rule({
  code: 'tenant-preset',
  sql: `
    SELECT coalesce('role ' || r.rolname, 'database ' || d.datname) AS object, setting
    FROM pg_db_role_setting s
    CROSS JOIN LATERAL unnest(s.setconfig) AS setting
    LEFT JOIN pg_roles r ON r.oid = s.setrole
    LEFT JOIN pg_database d ON d.oid = s.setdatabase
    WHERE (setting COLLATE "C" ILIKE 'app.tenant_id=%' OR setting COLLATE "C" ILIKE 'app.permissions=%')
      AND (s.setdatabase = 0 OR d.datname = current_database())`,
  message: ({ setting }) => `presets ${setting}: a session without its own value would use it. RESET it`,
})

/** The rules for the role alone: what a login role of the server must not be. */
export const standingChecks: readonly Check[] = [attributes, ownership, strays, predefinedRoles]

export const roleChecks: readonly Check[] = [...standingChecks, presetTenant]
