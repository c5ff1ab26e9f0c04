// Edits a record with optimistic locking: only the version that the user saw is changed; otherwise the user gets the
// differences.

import type { Permission } from '../auth/permissions.ts'
import type { Transaction } from '../db/register.ts'
import { columnsChangedSince } from './changes-since.ts'
import { type Constraint, refusedBy } from './constraint.ts'
import { isSameValue, jsonOf } from './json-value.ts'
import {
  type AuditRecord,
  type Done,
  done,
  type EventRecord,
  type JsonObject,
  type Reason,
  type Refused,
  refused,
} from './outcome.ts'

export type Versioned = { readonly id: string; readonly version: number }

export const EDIT_ERRORS = ['NOT_FOUND', 'CONFLICT'] as const
export type EditErrorCode = (typeof EDIT_ERRORS)[number]

/** The error for a record that this tenant does not have; another tenant's record and a missing one get the same. */
export function notFound(field: string, noun: string): Refused<'NOT_FOUND'> {
  return refused([{ field: [field], message: `there is no such ${noun}`, code: 'NOT_FOUND' }])
}

/** The input paths of columns that differ from the column name: `priceMinor` in `price.amountMinor`. */
export type InputPaths<Row> = { readonly [Column in keyof Row]?: readonly string[] }

/** The values of columns in the form in which the input has them, where that is not the column's: a record's id, an amount. */
export type InputForms<Row> = { readonly [Column in keyof Row]?: (row: Row) => unknown }

/**
 * The conflict. Callers who may read the record (`reads`; null: everybody in the tenant) get its current version, and the
 * value of each of the `changed` columns.
 */
export function conflict<Row extends Versioned>(
  current: Row,
  expectedVersion: number,
  {
    reads,
    changed = [],
    paths = {},
    forms = {},
  }: {
    readonly reads: Permission | null
    readonly changed?: readonly (keyof Row & string)[]
    readonly paths?: InputPaths<Row> | undefined
    readonly forms?: InputForms<Row> | undefined
  },
): Refused<'CONFLICT'> {
  const needs = reads === null ? [] : [reads]
  const { version } = current
  const message = `it was changed meanwhile: this is version ${version}, not ${expectedVersion}`
  const conflicts: Reason<'CONFLICT'> = {
    field: ['expectedVersion'],
    message: 'it was changed meanwhile, or never had this version',
    code: 'CONFLICT',
    detail: { message, params: { version }, needs },
  }
  const fields = changed.map((column): Reason<'CONFLICT'> => {
    const value = jsonOf((forms[column] ?? (() => current[column]))(current))
    return {
      field: paths[column] ?? [column],
      message: `it is now ${JSON.stringify(value)}`,
      code: 'CONFLICT',
      params: { current: value },
      onlyWith: needs,
    }
  })
  return refused([conflicts, ...fields], current.id)
}

/** An edit that came too late. */
export type Stale<Row> = {
  readonly current: Row
  readonly expectedVersion: number
  readonly wanted: Wanted<Row>
}

/**
 * The columns of each record, in order, that differ from the wanted ones, and that somebody else changed since the version that
 * the user saw. One statement.
 */
export async function allChangedMeanwhile<Row extends Versioned>(
  tx: Transaction,
  type: string,
  stale: readonly Stale<Row>[],
): Promise<(readonly (keyof Row & string)[])[]> {
  const differing = stale.map(
    ({ current, wanted }) => Object.keys(changesTo(current, wanted)) as (keyof Row & string)[],
  )
  const asked = stale.filter((_, index) => differing[index]?.length !== 0)
  const changed = await columnsChangedSince(
    tx,
    type,
    asked.map(({ current, expectedVersion: version }) => ({ current, version })),
  )
  return differing.map((columns, index) => {
    const since = changed.get(stale[index]?.current.id ?? '') ?? null
    return since === null ? columns : columns.filter((column) => since.has(column))
  })
}

/** The same for one record. */
export async function changedMeanwhile<Row extends Versioned>(
  tx: Transaction,
  type: string,
  current: Row,
  expectedVersion: number,
  wanted: Wanted<Row>,
): Promise<readonly (keyof Row & string)[]> {
  const [changed = []] = await allChangedMeanwhile(tx, type, [{ current, expectedVersion, wanted }])
  return changed
}

/** The table's delegate in the transaction: `tx.customer`. */
export type EditedTable<Row> = {
  findFirst(query: { where: { id: string } }): PromiseLike<Row | null>
  findFirstOrThrow(query: { where: { id: string } }): PromiseLike<Row>
  updateMany(query: {
    where: { id: string; version: number }
    data: object
  }): PromiseLike<{ readonly count: number }>
}

/** Columns to set. Undefined ones stay unchanged. */
type Wanted<Row> = { readonly [Column in keyof Row]?: Row[Column] | null | undefined }

export type Edit<Row, Code extends string> = {
  /** The record's type in the API, as the audit's subject. */
  readonly type: string
  /** The record's name in messages. */
  readonly noun: string
  readonly id: string
  readonly expectedVersion: number
  /** The wanted columns, or a function of the current record, which may refuse. */
  readonly wanted: Wanted<Row> | ((current: Row) => Promise<Wanted<Row> | Refused<Code>>)
  readonly paths?: InputPaths<Row>
  readonly forms?: InputForms<Row>
  /** The permission to read such records, and to see the current values in a conflict. */
  readonly reads: Permission
  /** Columns that are set even without a change: the time of the update. */
  readonly touches: object
  readonly constraints: readonly Constraint<Code>[]
  /** The event's type; null: none. */
  readonly event: string | null | ((changes: Partial<Row>) => string)
}

/**
 * Edits one record if it still has the version that the user saw: increments its version and audits the changes. An edit
 * that changes nothing writes nothing: no version, audit entry or event.
 * Refused with NOT_FOUND, CONFLICT or the code of a violated constraint.
 */
export async function edit<Row extends Versioned, Code extends string>(
  tx: Transaction,
  table: EditedTable<Row>,
  {
    type,
    noun,
    id,
    expectedVersion,
    wanted,
    paths,
    forms,
    reads,
    touches,
    constraints,
    event,
  }: Edit<Row, Code>,
): Promise<Done | Refused<EditErrorCode | Code>> {
  const current = await table.findFirst({ where: { id } })
  if (current === null) return notFound('id', noun)
  const asked = typeof wanted === 'function' ? {} : wanted
  const conflictWith = async (row: Row) =>
    conflict(row, expectedVersion, {
      reads,
      paths,
      forms,
      changed: await changedMeanwhile(tx, type, row, expectedVersion, asked),
    })
  if (current.version !== expectedVersion) return await conflictWith(current)
  const decided = typeof wanted === 'function' ? await wanted(current) : wanted
  if (isRefused(decided)) return decided
  const changes = changesTo(current, decided)
  if (Object.keys(changes).length === 0) return done(id, [])
  const version = expectedVersion + 1
  try {
    const data = { ...changes, version, ...touches }
    const { count } = await table.updateMany({ where: { id, version: expectedVersion }, data })
    if (count === 0) {
      return await conflictWith(await table.findFirstOrThrow({ where: { id } }))
    }
  } catch (error) {
    return refusedBy(error, constraints)
  }
  const eventType = typeof event === 'function' ? event(changes) : event
  const events = eventType === null ? [] : [{ type: eventType, subject: { type, id }, payload: { version } }]
  return edited(type, current, changes, events)
}

/** Distinguishes a refusal from columns. */
export function isRefused<Code extends string>(decided: object | Refused<Code>): decided is Refused<Code> {
  return 'done' in decided && decided.done === false
}

/** The changed fields of an edit, and the audit entry of them. */
export function edited<Row extends Versioned>(
  type: string,
  before: Row,
  changes: Partial<Row>,
  events: readonly EventRecord[] = [],
): Done {
  const fields = Object.keys(changes) as (keyof Row & string)[]
  const money = fields.some((field) => field.endsWith('Minor')) ? currencyOf(before) : {}
  return done(
    before.id,
    [
      auditOf(
        { type, id: before.id },
        { ...money, ...pick(before, fields) },
        { ...money, ...pick(changes, fields) },
      ),
    ],
    events,
  )
}

/** Recorded with amounts, so that they can be read without the record. */
export function currencyOf(row: object): JsonObject {
  return 'currency' in row ? { currency: jsonOf(row.currency) } : {}
}

/** The given fields that differ from the record. */
export function changesTo<Row extends object>(current: Row, wanted: Wanted<Row>): Partial<Row> {
  const changes: Partial<Row> = {}
  for (const field of Object.keys(wanted) as (keyof Row)[]) {
    const value = wanted[field]
    if (value !== undefined && !isSameValue(value, current[field])) changes[field] = value as Row[keyof Row]
  }
  return changes
}

export function auditOf(
  subject: AuditRecord['subject'],
  before: JsonObject | null,
  after: JsonObject | null,
): AuditRecord {
  return { subject, before, after }
}

function pick<Row extends object>(row: Partial<Row>, fields: readonly (keyof Row & string)[]): JsonObject {
  return Object.fromEntries(fields.map((field) => [field, jsonOf(row[field])]))
}
