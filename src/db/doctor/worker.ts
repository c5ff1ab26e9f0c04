// Rules about the role that runs jobs: it has rights on the queue, and on nothing of a tenant.
import { QUEUE_SCHEMA } from '../queue/queue-names.ts'
import { type Check, ERASURE_FUNCTION, OUR_SCHEMAS, rightsRule, SCHEDULE_FUNCTION } from './check.ts'
import { REACHES, RELATION_RIGHTS } from './rights.ts'
import { standingChecks } from './role.ts'

const ROLE = `'role ' || $1::oid::regrole::text AS object`

const relations: Check = rightsRule({
  code: 'worker-right',
  sql: `
    SELECT ${ROLE}, count(DISTINCT r.oid)::text AS count, min(r.object) AS example
    FROM (${RELATION_RIGHTS}) r JOIN pg_class c ON c.oid = r.oid
    WHERE c.relnamespace IS DISTINCT FROM to_regnamespace('${QUEUE_SCHEMA}') HAVING count(*) > 0`,
  message: ({ count, example }) =>
    `runs jobs, and holds rights on ${count} relation(s) beside the queue (${example}): revoke them, or the membership`,
})

const functions: Check = rightsRule({
  code: 'worker-function',
  sql: `
    SELECT ${ROLE}, p.oid::regprocedure::text AS name
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace CROSS JOIN LATERAL aclexplode(p.proacl) AS granted
    WHERE p.prosecdef AND ${OUR_SCHEMAS} AND ${REACHES}
      AND p.oid IS DISTINCT FROM to_regprocedure('${SCHEDULE_FUNCTION}')
      AND p.oid IS DISTINCT FROM to_regprocedure('${ERASURE_FUNCTION}')`,
  message: ({ name }) => `runs jobs, and may execute ${name}, which has its owner’s rights: revoke that`,
})

export const workerChecks: readonly Check[] = [...standingChecks, relations, functions]
