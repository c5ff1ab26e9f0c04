// The types of integrity checks and their violations: messages with API ids, bounded in number. The modules define the
// checks.

import type { Transaction } from '../db/database.ts'
import { type NodeName, nodeId } from '../graphql/node-ids.ts'

/** The subject of a violation: a node type of the API. */
export type SubjectType = NodeName

/** A seal's id is its number. */
export type Subject = { readonly type: SubjectType | 'AuditSeal'; readonly id: string }

export type Violation = { readonly message: string; readonly subjects: readonly Subject[] }

/** At most VIOLATIONS_MAX violations; `count` is their full number. */
export type Findings = { readonly count: number; readonly violations: readonly Violation[] }

/**
 * An invariant of a tenant's data. `run` sends exactly one statement: a tenant's transaction is READ COMMITTED, where
 * each statement has its own snapshot, so two could see a payment before and its order after the same commit, and
 * report a violation.
 */
export type Check = {
  /** In kebab-case: a label in the metrics. */
  readonly name: string
  /** What holds when it finds nothing. */
  readonly description: string
  run(tx: Transaction, now: Date): Promise<Findings>
}

/** Per check: more of them have the same cause as the first. */
export const VIOLATIONS_MAX = 100

/** How many days of a provider's charges are compared: default and maximum. */
export const SINCE_DAYS_DEFAULT = 30
export const SINCE_DAYS_MAX = 366

/** A row of a check's statement. */
export type Row = {
  readonly message: string
  /** UUIDs of the subjects by type. */
  readonly subjects: Partial<Record<SubjectType, string | readonly string[]>>
  /** The number of all rows, including those beyond the limit. */
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
