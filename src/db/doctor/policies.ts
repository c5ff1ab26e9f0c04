// Rules about row-level security: it is enabled and forced, with exactly the policies that app.protect makes. Policies
// are compared by their expressions, not by their names.
import { type Check, type Finding, type Row, rightsRule, rule, TENANT_TABLES } from './check.ts'
import { RELATION_RIGHTS } from './rights.ts'

const disabled: Check = rule({
  code: 'rls-disabled',
  sql: `SELECT object FROM (${TENANT_TABLES}) t WHERE NOT relrowsecurity`,
  message: () => 'row-level security is not enabled: any role that may read it reads every tenant',
})

const notForced: Check = rule({
  code: 'rls-not-forced',
  sql: `SELECT object FROM (${TENANT_TABLES}) t WHERE NOT relforcerowsecurity`,
  message: () => 'row-level security is not forced: functions of the owner read every tenant',
})

const WRITERS_GROUP = 'bulkhead_runtime'

/** As PostgreSQL prints them with only the catalogue on the search_path, white space normalised. */
const TENANT = '(tenant_id = ( SELECT app.tenant_id() AS tenant_id))'
/** Each table chooses its permissions, but they must be the same in all of its policies. */
const WRITERS = /'\{[\w:,]*\}'(?=::text\[\])/
const TENANT_AND_WRITER = `(${TENANT} AND ( SELECT app.may_write(WRITERS::text[]) AS may_write))`

/**
 * Every policy of a tenant's table. All are permissive, and each names the tenant: policies are combined by OR, so each
 * must be sufficient. `command` is pg_policy's letter. An UPDATE checks the permission in USING.
 */
const POLICIES = [
  { name: 'tenant_select', command: 'r', using: TENANT, check: null },
  { name: 'tenant_insert', command: 'a', using: null, check: TENANT_AND_WRITER },
  { name: 'tenant_update', command: 'w', using: TENANT_AND_WRITER, check: TENANT },
  { name: 'tenant_delete', command: 'd', using: TENANT_AND_WRITER, check: null },
  { name: 'tenant_owner', command: '*', using: TENANT, check: TENANT },
] as const
const OWNERS_POLICY = 'tenant_owner'

const policies: Check = async (patient) => {
  const rows = await patient.query(`
    SELECT object, c.relowner::regrole::text AS owner, p.polname::text AS name, p.polcmd::text AS command,
      p.polpermissive::text AS permissive,
      (SELECT string_agg(coalesce(nullif(role, 0)::regrole::text, 'PUBLIC'), ', ') FROM unnest(p.polroles) AS role) AS roles,
      pg_get_expr(p.polqual, p.polrelid) AS using, pg_get_expr(p.polwithcheck, p.polrelid) AS check
    FROM (${TENANT_TABLES}) t JOIN pg_class c ON c.oid = t.oid LEFT JOIN pg_policy p ON p.polrelid = t.oid
    ORDER BY object, name`)
  return Object.values(Object.groupBy(rows, (row) => row.object ?? '')).flatMap((found = []) =>
    examinePolicies(found),
  )
}

function examinePolicies(found: readonly Row[]): Finding[] {
  const expected = new Set<string>(POLICIES.map(({ name }) => name))
  const extra = found.filter(({ name }) => name != null && !expected.has(name))
  const writers = new Set(
    found.flatMap(({ using, check }) => [WRITERS.exec(using ?? '')?.[0], WRITERS.exec(check ?? '')?.[0]]),
  )
  writers.delete(undefined)
  const findings = [
    ...found.filter(({ permissive }) => permissive === 'false').map(restrictive),
    ...extra.map((row) =>
      finding(row, 'policy-extra', `policy ${row.name} is not one of app.protect's, and policies are OR-ed`),
    ),
    ...POLICIES.flatMap((policy) => examinePolicy(policy, found)),
  ]
  const [first] = found
  if (writers.size < 2 || first === undefined) return findings
  const message = `its rows are written by ${[...writers].join(' or ')}, depending on the command: call app.protect on it`
  return [...findings, finding(first, 'policy-writers', message)]
}

function restrictive(row: Row): Finding {
  const message = `policy ${row.name} is restrictive: copied without that word, it grants what it was to restrict`
  return finding(row, 'policy-restrictive', message)
}

function examinePolicy(wanted: (typeof POLICIES)[number], found: readonly Row[]): Finding[] {
  const { name, command } = wanted
  const [first] = found
  if (first === undefined) return []
  const row = found.find((policy) => policy.name === name)
  if (!row) return [finding(first, 'policy-missing', `has no policy ${name}: call app.protect on it`)]
  const roles = name === OWNERS_POLICY ? row.owner : WRITERS_GROUP
  return [
    ...(row.command === command
      ? []
      : [finding(row, 'policy-command', `policy ${name} is for another command`)]),
    ...(row.roles === roles
      ? []
      : [finding(row, 'policy-roles', `policy ${name} is TO ${row.roles}, not TO ${roles} alone`)]),
    ...examineClause(row, { code: 'policy-using', clause: 'USING', has: row.using, wants: wanted.using }),
    ...examineClause(row, {
      code: 'policy-check',
      clause: 'WITH CHECK',
      has: row.check,
      wants: wanted.check,
    }),
  ]
}

type Clause = {
  readonly code: string
  readonly clause: string
  readonly has: string | null | undefined
  readonly wants: string | null
}

function examineClause(row: Row, { code, clause, has, wants }: Clause): Finding[] {
  const folded = has?.replaceAll(/\s+/g, ' ').replace(WRITERS, 'WRITERS') ?? null
  if (folded === wants) return []
  const message = `policy ${row.name}: ${clause} is ${has ?? 'absent'}, not ${wants ?? 'absent'}`
  return [finding(row, code, message)]
}

function finding(row: Row, code: string, message: string): Finding {
  return { level: 'error', code, object: row.object ?? '', message }
}

/**
 * Policies for a group apply to roles with its privileges. A role to which only the tables were granted would silently
 * see nothing, and so would one that it may become.
 */
const heldByPolicies: Check = rightsRule({
  code: 'role-not-held',
  sql: `
    SELECT 'role ' || r.rolname AS object FROM pg_roles r
    WHERE to_regrole('${WRITERS_GROUP}') IS NOT NULL
      AND NOT pg_has_role(r.oid, to_regrole('${WRITERS_GROUP}'), 'USAGE')
      AND (r.oid = $1::oid OR pg_has_role($1::oid, r.oid, 'MEMBER') AND EXISTS (
        SELECT FROM (${RELATION_RIGHTS}) rights WHERE rights.grantee = r.oid
          AND rights.privilege IN ('INSERT', 'UPDATE', 'DELETE') AND NOT rights.by_owner))`,
  message: () =>
    `does not inherit from ${WRITERS_GROUP}, for which the policies are: GRANT ${WRITERS_GROUP} to it`,
})

/** The rules about tables only. */
export const policyRules: readonly Check[] = [disabled, notForced, policies]

export const policyChecks: readonly Check[] = [...policyRules, heldByPolicies]
