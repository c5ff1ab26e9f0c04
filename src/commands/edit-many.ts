// Edits many records of one model with optimistic locking: one statement locks them, one reads them, one writes them.
import { manyRowsOf } from '../db/reader/any-model.ts'
import { type ModelName, modelOf, type Transaction } from '../db/register.ts'
import { type Constraint, refusalOf } from './constraint.ts'
import {
  allChangedMeanwhile,
  changesTo,
  conflict,
  type Edit,
  type EditErrorCode,
  edited,
  isRefused,
  notFound,
  type Stale,
  type Versioned,
} from './edit.ts'
import { duplicateRow, type Judged, type ManyErrorCode } from './many.ts'
import { done } from './outcome.ts'

type OwnOfRow = 'id' | 'expectedVersion' | 'wanted' | 'paths' | 'forms'
type RowEdit<Row, Code extends string> = Pick<Edit<Row, Code>, OwnOfRow>

/**
 * Edits the rows as `edit` does each, and returns the results in order. A row that changes nothing stays as it is. A unique
 * value is refused that another record has before the call, or that an earlier row sets. Only after any other violated
 * constraint are rows written in halves, until each violating one is alone: others are written.
 */
export async function editMany<Row extends Versioned, Code extends string>(
  tx: Transaction,
  model: ModelName,
  rows: readonly RowEdit<Row, Code>[],
  shared: Omit<Edit<Row, Code>, OwnOfRow>,
): Promise<Judged<EditErrorCode | ManyErrorCode | Code>[]> {
  const table = manyRowsOf(tx, model)
  const ids = [...new Set(rows.map(({ id }) => id))]
  await table.lockRows(ids)
  const found = new Map(
    (await table.findMany<Row>({ where: { id: { in: ids } } })).map((row) => [row.id, row]),
  )
  const seen = new Set<string>()
  const results: (Judged<EditErrorCode | ManyErrorCode | Code> | null)[] = []
  const writes: Write<Row>[] = []
  const conflicts: Conflict<Row, Code>[] = []
  for (const [index, row] of rows.entries()) {
    const current = found.get(row.id)
    const judged =
      current !== undefined && seen.has(row.id) ? duplicateRow('id') : await judge(current, row, shared)
    seen.add(row.id)
    if ('changes' in judged) writes.push({ index, ...judged })
    if ('stale' in judged) conflicts.push({ index, row, stale: judged.stale })
    results.push('done' in judged ? judged : null)
  }
  const changed = await allChangedMeanwhile(
    tx,
    shared.type,
    conflicts.map(({ stale }) => stale),
  )
  for (const [at, { index, row, stale }] of conflicts.entries())
    results[index] = conflict(stale.current, row.expectedVersion, {
      reads: shared.reads,
      paths: row.paths,
      forms: row.forms,
      changed: changed[at] ?? [],
    })
  const violated = await write(tx, model, writes, shared)
  return results.map((result, index) => {
    if (result !== null) return result
    const { current, changes } = writes.find((one) => one.index === index) as Write<Row>
    const violation = violated.get(index)
    if (violation !== undefined) return violation
    return editedRow(current, changes, shared)
  })
}

type Conflict<Row, Code extends string> = {
  readonly index: number
  readonly row: RowEdit<Row, Code>
  readonly stale: Stale<Row>
}

type Write<Row> = { readonly index: number; readonly current: Row; readonly changes: Partial<Row> }

async function judge<Row extends Versioned, Code extends string>(
  current: Row | undefined,
  { expectedVersion, wanted }: RowEdit<Row, Code>,
  { noun }: Pick<Edit<Row, Code>, 'noun'>,
): Promise<Judged<EditErrorCode | Code> | Omit<Write<Row>, 'index'> | { readonly stale: Stale<Row> }> {
  if (current === undefined) return notFound('id', noun)
  const asked = typeof wanted === 'function' ? {} : wanted
  if (current.version !== expectedVersion) return { stale: { current, expectedVersion, wanted: asked } }
  const decided = typeof wanted === 'function' ? await wanted(current) : wanted
  if (isRefused(decided)) return decided
  const changes = changesTo(current, decided)
  return Object.keys(changes).length === 0 ? done(current.id, []) : { current, changes }
}

function editedRow<Row extends Versioned, Code extends string>(
  current: Row,
  changes: Partial<Row>,
  { type, event }: Pick<Edit<Row, Code>, 'type' | 'event'>,
): Judged<Code> {
  const { id } = current
  const eventType = typeof event === 'function' ? event(changes) : event
  const payload = { version: current.version + 1 }
  const events = eventType === null ? [] : [{ type: eventType, subject: { type, id }, payload }]
  return edited(type, current, changes, events)
}

/**
 * Whether a write of these columns may violate a constraint: a key only by its own columns, any other by all. A statement
 * that can violate none needs no savepoint.
 */
function mayBeViolated(name: ModelName, columns: readonly PropertyKey[]): (constraint: string) => boolean {
  const { keys, relations } = modelOf(name)
  const fieldsOf = new Map<string | null, readonly string[]>([
    ...keys.map(({ name: key, fields }) => [key, fields] as const),
    ...[...relations.values()].map(({ foreignKey, fields }) => [foreignKey, fields] as const),
  ])
  return (constraint) => fieldsOf.get(constraint)?.some((field) => columns.includes(field)) ?? true
}

/**
 * The writes without those of a unique value that another has, which are added to the refusals: one statement for each key.
 * Written in halves, 250 of them would take 500 statements, and hold their locks for seconds.
 */
async function withoutTaken<Row extends Versioned, Code extends string>(
  tx: Transaction,
  model: ModelName,
  writes: readonly Write<Row>[],
  constraints: readonly Constraint<Code>[],
  refusals: Map<number, Judged<Code>>,
): Promise<readonly Write<Row>[]> {
  const { keys } = modelOf(model)
  for (const { name, fields } of keys) {
    const constraint = constraints.find((one) => one.name === name)
    const [column, another] = fields.filter((field) => field !== 'tenantId') as (keyof Row & string)[]
    if (constraint === undefined || column === undefined || another !== undefined) continue
    const values = new Set(writes.flatMap(({ changes }) => changes[column] ?? []))
    if (values.size === 0) continue
    const holders = await manyRowsOf(tx, model).findMany<Row>({ where: { [column]: { in: [...values] } } })
    const taken = new Set<unknown>(holders.map((holder) => holder[column]))
    for (const { index, changes } of writes) {
      const value = changes[column] ?? null
      if (value === null) continue
      if (taken.has(value)) refusals.set(index, refusalOf(constraint))
      taken.add(value)
    }
  }
  return writes.filter(({ index }) => !refusals.has(index))
}

/** Writes the rows, and returns the refusals of those that violate a constraint, by index. */
async function write<Row extends Versioned, Code extends string>(
  tx: Transaction,
  model: ModelName,
  writes: readonly Write<Row>[],
  { touches, constraints }: Pick<Edit<Row, Code>, 'touches' | 'constraints'>,
): Promise<ReadonlyMap<number, Judged<Code>>> {
  const refusals = new Map<number, Judged<Code>>()
  const columns = [...new Set(writes.flatMap(({ changes }) => Object.keys(changes)))] as (keyof Row)[]
  const names = new Set(constraints.map(({ name }) => name).filter(mayBeViolated(model, columns)))
  const rowOf = ({ current, changes }: Write<Row>) => ({
    ...Object.fromEntries(
      columns.map((column) => [column, column in changes ? changes[column] : current[column]]),
    ),
    ...touches,
    version: current.version + 1,
    id: current.id,
  })
  const writeAll = async (part: readonly Write<Row>[]): Promise<void> => {
    const [first] = part
    if (first === undefined) return
    const violated = await manyRowsOf(tx, model).updateRows(part.map(rowOf), names)
    if (violated === null) return
    if (part.length === 1) {
      const met = constraints.find(({ name }) => name === violated)
      if (met !== undefined) refusals.set(first.index, refusalOf(met))
      return
    }
    const middle = Math.ceil(part.length / 2)
    await writeAll(part.slice(0, middle))
    await writeAll(part.slice(middle))
  }
  await writeAll(names.size === 0 ? writes : await withoutTaken(tx, model, writes, constraints, refusals))
  return refusals
}
