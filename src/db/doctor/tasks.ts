// The rule that the database and the program have the same tasks, with the same permissions.
import type { Finding, Patient } from './check.ts'

/** Each task's name, with the permissions of which one may queue it. */
export type TaskList = Readonly<Record<string, readonly string[]>>

const FUNCTION = 'app.queueable_tasks()'

/**
 * A task that the database lacks, or that has other permissions there, is an error: app.enqueue would refuse it, or
 * accept it from a caller without the permission. A task that only the database has is a warning: a newer version may
 * be running too.
 */
export async function examineTasks({ query }: Patient, tasks: TaskList): Promise<Finding[]> {
  const [known] = await query(`SELECT to_regprocedure('${FUNCTION}')::text AS name`)
  if (known?.name == null) return [finding('error', FUNCTION, 'is missing: run bulkhead migrate')]
  const rows = await query(
    `SELECT name, (SELECT string_agg(p, ',' ORDER BY p) FROM unnest(queued_by) p) AS queued_by FROM ${FUNCTION}`,
  )
  const there = new Map(rows.map(({ name, queued_by }) => [name ?? '', queued_by ?? '']))
  const findings = Object.entries(tasks).flatMap(([name, permissions]) => {
    const wanted = permissions.toSorted().join(',')
    const found = there.get(name)
    if (found === wanted) return []
    const message = found === undefined ? `is not in app.tasks` : `is queued by ${found}, not by ${wanted}`
    return [finding('error', `task ${name}`, message)]
  })
  const others = [...there.keys()].filter((name) => !Object.hasOwn(tasks, name))
  return [
    ...findings,
    ...others.map((name) => finding('warning', `task ${name}`, 'is in app.tasks, and this version has none')),
  ]
}

function finding(level: Finding['level'], object: string, message: string): Finding {
  return { level, code: 'task-list', object, message }
}
