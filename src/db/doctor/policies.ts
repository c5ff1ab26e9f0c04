// Owns: rules about row-level security: forced, exactly the one permissive policy, and the three that hold writes back.
// Policies are compared by their expressions.
import { type Check, type Finding, type Patient, type Row, rightsRule, rule, TENANT_TABLES } from './check.ts'
import { RELATION_RIGHTS } from './rights.ts'

/** As PostgreSQL prints them back (the catalogue alone on the search_path), white space folded. */
const EXPRESSION = '(tenant_id = ( SELECT app.tenant_id() AS tenant_id))'
/** Citus refuses a sub-select in a policy. */
const CITUS_EXPRESSION = '(tenant_id = app.tenant_id())'

const PUBLIC_ONLY = '{0}'
const ALL_COMMANDS = '*'

const disabled: Check = rule({
  code: 'rls-disabled',
  sql: `SELECT object FROM (${TENANT_TABLES}) t WHERE NOT relrowsecurity`,
  message: () => 'row-level security is not enabled: whoever may read it reads every tenant',
})

const notForced: Check = rule({
  code: 'rls-not-forced',
  sql: `SELECT object FROM (${TENANT_TABLES}) t WHERE NOT relforcerowsecurity`,
  message: () => 'row-level security is not forced: functions of the owner read every tenant',
})

/** RESTRICTIVE policies are welcome: they only take away. Permissive ones are OR-ed, so there may be but one. */
const permissive: Check = async (patient) => {
  const rows = await patient.query(`
    SELECT object, p.polname::text AS name, p.polcmd::text AS command, p.polroles::text AS roles,
      pg_get_expr(p.polqual, p.polrelid) AS using, pg_get_expr(p.polwithcheck, p.polrelid) AS with_check
    FROM (${TENANT_TABLES}) t
    LEFT JOIN pg_policy p ON p.polrelid = t.oid AND p.polpermissive
    ORDER BY object, p.polname = 'tenant_isolation' DESC, name`)
  return Object.values(Object.groupBy(rows, (row) => row.object ?? '')).flatMap((policies = []) =>
    examinePolicies(policies, patient),
  )
}

function examinePolicies([first, ...others]: Row[], { hasCitus }: Patient): Finding[] {
  if (!first) return []
  const object = first.object ?? ''
  const finding = (code: string, message: string): Finding => ({ level: 'error', code, object, message })
  const name = first.name
  if (name === null) return [finding('policy-missing', 'has no policy: call app.protect on it')]

  const findings = others.map((other) =>
    finding('policy-extra', `policy ${other.name} is permissive too, and permissive policies are OR-ed`),
  )
  if (first.command !== ALL_COMMANDS)
    findings.push(finding('policy-command', `policy ${name} is not FOR ALL`))
  if (first.roles !== PUBLIC_ONLY) findings.push(finding('policy-roles', `policy ${name} is not TO PUBLIC`))
  for (const [code, clause, expression] of [
    ['policy-using', 'USING', first.using],
    ['policy-check', 'WITH CHECK', first.with_check],
  ] as const) {
    if (!isTenantExpression(expression ?? null, hasCitus)) {
      findings.push(
        finding(code, `policy ${name}: ${clause} is ${expression ?? 'absent'}, not ${EXPRESSION}`),
      )
    }
  }
  return findings
}

function isTenantExpression(expression: string | null, hasCitus: boolean): boolean {
  const folded = expression?.replaceAll(/\s+/g, ' ')
  return folded === EXPRESSION || (hasCitus && folded === CITUS_EXPRESSION)
}

/** By pg_policy's letter for its command. What an INSERT writes is checked, what the others find is. */
const WRITE_POLICIES = [
  { name: 'write_insert', command: 'a', clause: 'with_check' },
  { name: 'write_update', command: 'w', clause: 'using' },
  { name: 'write_delete', command: 'd', clause: 'using' },
] as const
const WRITERS_GROUP = 'bulkhead_runtime'

/** The permissions are the table's own affair, so long as they are the same for all three. */
const WRITE_EXPRESSION = /^\( SELECT app\.may_write\(('\{[\w:,]*\}')::text\[\]\) AS may_write\)$/
const CITUS_WRITE_EXPRESSION = /^app\.may_write\(('\{[\w:,]*\}')::text\[\]\)$/

/** The second wall: restrictive, so that it only takes away, and for the runtime role, so that the owner can migrate. */
const writes: Check = async (patient) => {
  const rows = await patient.query(`
    SELECT object, p.polname::text AS name, p.polcmd::text AS command, p.polpermissive::text AS permissive,
      (SELECT string_agg(role::regrole::text, ', ') FROM unnest(p.polroles) AS role) AS roles,
      pg_get_expr(p.polqual, p.polrelid) AS using, pg_get_expr(p.polwithcheck, p.polrelid) AS with_check
    FROM (${TENANT_TABLES}) t LEFT JOIN pg_policy p ON p.polrelid = t.oid
    ORDER BY object, name`)
  return Object.values(Object.groupBy(rows, (row) => row.object ?? '')).flatMap((policies = []) =>
    examineWrites(policies, patient),
  )
}

function examineWrites(policies: readonly Row[], { hasCitus }: Patient): Finding[] {
  const object = policies[0]?.object ?? ''
  const writers = new Set<string>()
  const findings = WRITE_POLICIES.flatMap(({ name, command, clause }): Finding[] => {
    const finding = (code: string, message: string): Finding => ({ level: 'error', code, object, message })
    const policy = policies.find((row) => row.name === name)
    if (!policy) return [finding('write-policy-missing', `has no policy ${name}: call app.protect on it`)]
    const other = clause === 'using' ? 'with_check' : 'using'
    const expression = policy[clause]?.replaceAll(/\s+/g, ' ') ?? ''
    const found =
      (WRITE_EXPRESSION.exec(expression) ?? (hasCitus && CITUS_WRITE_EXPRESSION.exec(expression))) || []
    if (found[1] !== undefined) writers.add(found[1])
    return [
      ...(policy.permissive === 'true'
        ? [finding('write-policy-permissive', `policy ${name} is permissive, and takes nothing away`)]
        : []),
      ...(policy.command === command
        ? []
        : [finding('write-policy-command', `policy ${name} is for another command`)]),
      ...(policy.roles === WRITERS_GROUP
        ? []
        : [finding('write-policy-roles', `policy ${name} is not TO ${WRITERS_GROUP} alone`)]),
      ...(found[1] !== undefined && policy[other] === null
        ? []
        : [
            finding(
              'write-policy-expression',
              `policy ${name} is ${expression || 'without its clause'}, and asks no permission`,
            ),
          ]),
    ]
  })
  if (writers.size < 2) return findings
  const message = `its rows are written by ${[...writers].join(' or ')}, whichever the command: call app.protect on it`
  return [...findings, { level: 'error', code: 'write-policy-expression', object, message }]
}

/**
 * Policies for a group hold whoever has its privileges, and nobody beside it: neither a role that was granted the tables
 * itself, nor one that it may become and that was.
 */
const heldByWrites: Check = rightsRule({
  code: 'role-not-held',
  sql: `
    SELECT 'role ' || r.rolname AS object FROM pg_roles r
    WHERE to_regrole('${WRITERS_GROUP}') IS NOT NULL
      AND NOT pg_has_role(r.oid, to_regrole('${WRITERS_GROUP}'), 'USAGE')
      AND (r.oid = $1::oid OR pg_has_role($1::oid, r.oid, 'MEMBER') AND EXISTS (
        SELECT FROM (${RELATION_RIGHTS}) rights WHERE rights.grantee = r.oid
          AND rights.privilege IN ('INSERT', 'UPDATE', 'DELETE') AND NOT rights.by_owner))`,
  message: () =>
    `does not inherit from ${WRITERS_GROUP}, whom the policies on writing hold: GRANT ${WRITERS_GROUP} to it`,
})

export const policyChecks: readonly Check[] = [disabled, notForced, permissive, writes, heldByWrites]
