// Owns: rules about row-level security: forced, and exactly the one permissive policy, compared by its expressions.
import { type Check, type Finding, type Patient, type Row, rule, TENANT_TABLES } from './check.ts'

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

export const policyChecks: readonly Check[] = [disabled, notForced, permissive]
