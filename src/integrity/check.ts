// What a check is and what it finds: violations in words, with ids as the API shows them, and no more than a person
// reads. The checks themselves are the modules'.

import type { Transaction } from '../db/database.ts'
import { type NodeName, nodeId } from '../graphql/node-ids.ts'

/** What a violation can be about: a node of the API. */
export type SubjectType = NodeName

/** A seal's id is its number. */
export type Subject = { readonly type: SubjectType | 'AuditSeal'; readonly id: string }

export type Violation = { readonly message: string; readonly subjects: readonly Subject[] }

/** At most VIOLATIONS_MAX violations; `count` is how many there are. */
export type Findings = { readonly count: number; readonly violations: readonly Violation[] }

/**
 * One thing that must be true of a tenant. `run` sends exactly one statement. A transaction of a tenant is READ
 * COMMITTED, where each statement sees the moment at which it began: two statements could see a payment before and its
 * order after the same commit, and call it a violation. Within one, the books cannot move.
 */
export type Check = {
  /** In kebab-case: a label in the metrics. */
  readonly name: string
  /** What is true when it finds nothing. */
  readonly description: string
  run(tx: Transaction, now: Date): Promise<Findings>
}

/** Of one check: whoever has more has one cause, and finds it in the first. */
export const VIOLATIONS_MAX = 100

/** How far back a provider's books are compared, unless told, and at most. */
export const SINCE_DAYS_DEFAULT = 30
export const SINCE_DAYS_MAX = 366

/** A row as every check's statement answers it. */
export type Row = {
  readonly message: string
  /** UUIDs of the subjects by their type. */
  readonly subjects: Partial<Record<SubjectType, string | readonly string[]>>
  /** Of all rows, those beyond the limit included. */
  readonly total: number
}

export function findingsOf(rows: readonly Row[]): Findings {
  const violations = rows.map(({ message, subjects }) => ({
    message,
    subjects: Object.entries(subjects).flatMap(([type, uuids]) =>
      [uuids].flat().map((uuid) => subject(type as SubjectType, uuid)),
    ),
  }))
  return { count: rows[0]?.total ?? 0, violations }
}

export function subject(type: SubjectType, uuid: string): Subject {
  return { type, id: nodeId(type, uuid) }
}
