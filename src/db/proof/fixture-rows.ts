// Generates valid rows for every table of a tenant from its shape, so that a new table is tested without further work.
// PostgreSQL decides whether a value passes the table's checks.
import type pg from 'pg'
import { type Candidate, typedCandidates } from './candidates.ts'
import type { ColumnShape, ReferenceShape, TableShape } from './catalogue.ts'
import { EXTRA, type FixtureRow, SEEDED, SPARE } from './rows.ts'
import { type OwnValues, PROOF_TENANTS, type ProofTenant } from './tenants.ts'

export interface FixtureTable {
  name: string
  /** Row n at n - 1, from 1 to EXTRA. Empty when there are none. */
  rows: Record<ProofTenant['key'], FixtureRow[]>
  /** Row EXTRA is seeded too: the spare row of another table refers to it. */
  hasExtra: boolean
  /** A tenant has only one row of it: its key is the tenant. */
  isSingle: boolean
  /** Why there are no rows; null when there are. */
  refused: string | null
}

const [TENANT_A] = PROOF_TENANTS
/** The maximum number of combinations of values that are tried for one table's checks. */
const COMBINATIONS_MAX = 50_000

/** Rows for all tables, in insertion order. `client` only evaluates expressions. */
export async function fixtureTables(
  client: pg.Client,
  shapes: readonly TableShape[],
  ownValues: OwnValues,
): Promise<FixtureTable[]> {
  const made = new Map<string, FixtureTable>()
  for (const shape of inOrder(shapes)) {
    const isSingle = shape.keys[0]?.length === 1
    const table: FixtureTable = {
      name: shape.name,
      rows: { a: [], b: [] },
      hasExtra: false,
      isSingle,
      refused: null,
    }
    try {
      for (let n = 1; n <= EXTRA; n += 1) await addRow(client, shape, n, table, { made, ownValues })
    } catch (error) {
      table.rows = { a: [], b: [] }
      const reason = error instanceof Error ? error.message : String(error)
      table.refused = `no valid row can be made up for ${shape.name}: ${reason}`
    }
    made.set(shape.name, table)
  }
  return [...made.values()]
}

/** The rows of a table that stand in it before the attempts. Throws with the reason when none could be generated. */
export function seededRows(
  { rows, refused, isSingle, hasExtra }: FixtureTable,
  key: ProofTenant['key'],
): FixtureRow[] {
  if (refused !== null) throw new Error(refused)
  return [...rows[key].slice(0, isSingle ? 1 : SEEDED), ...(hasExtra ? rows[key].slice(EXTRA - 1) : [])]
}

/** Tables after those they refer to; in a circle, those whose references may be NULL first. */
function inOrder(shapes: readonly TableShape[]): TableShape[] {
  const left = [...shapes]
  const placed: TableShape[] = []
  const isFree = (shape: TableShape, mayWait: (reference: ReferenceShape) => boolean) =>
    shape.references.every(
      (reference) =>
        reference.parent === shape.name ||
        mayWait(reference) ||
        !left.some(({ name }) => name === reference.parent),
    )
  while (left.length > 0) {
    const next =
      left.find((shape) => isFree(shape, () => false)) ??
      left.find((shape) => isFree(shape, (reference) => !mustRefer(shape, reference))) ??
      (left[0] as TableShape)
    placed.push(next)
    left.splice(left.indexOf(next), 1)
  }
  return placed
}

function mustRefer(shape: TableShape, { columns }: ReferenceShape): boolean {
  return shape.columns.every(({ name, notNull }) => notNull || !columns.includes(name))
}

type Choices = Map<string, Candidate[]>
type Known = { readonly made: ReadonlyMap<string, FixtureTable>; readonly ownValues: OwnValues }

async function addRow(
  client: pg.Client,
  shape: TableShape,
  n: number,
  table: FixtureTable,
  known: Known,
): Promise<void> {
  const choices: Choices = new Map()
  for (const column of shape.columns) {
    const found = candidatesFor(shape, column, n, known)
    if (found.length === 0) throw new Error(`nothing is known of column ${column.name}, ${column.type}`)
    choices.set(column.name, found)
  }
  const chosen = await passChecks(client, shape, choices)
  for (const tenant of PROOF_TENANTS) {
    const row: FixtureRow = {}
    for (const { name } of shape.columns) {
      const { valueFor } = chosen.get(name) as Candidate
      if (name !== 'tenant_id' && valueFor !== null) row[name] = valueFor(tenant)
    }
    table.rows[tenant.key].push(row)
  }
}

function candidatesFor(
  shape: TableShape,
  column: ColumnShape,
  n: number,
  { made, ownValues }: Known,
): Candidate[] {
  const own = ownValues[shape.name]?.[column.name]
  if (own !== undefined) return [{ valueFor: (tenant) => own(tenant, n), expression: null }]
  if (column.name === 'tenant_id') return [{ valueFor: ({ id }) => id, expression: null }]
  const absent: Candidate = { valueFor: null, expression: column.default ?? 'NULL' }
  const reference = shape.references.find(({ columns }) => columns.includes(column.name))
  if (reference !== undefined)
    return [referringTo(shape, reference, column, n, made) ?? absentReference(column, absent)]
  const typed = typedCandidates(shape.name, column, n)
  const isRequired = column.notNull && column.default === null
  if (isDistinguishing(shape, column)) return [...numberedFirst(typed, n), ...(isRequired ? [] : [absent])]
  if (isRequired) return typed
  return [absent, ...typed]
}

/** Values that contain the row's number: no other row has them. */
function numberedFirst(candidates: Candidate[], n: number): Candidate[] {
  const isNumbered = ({ valueFor }: Candidate) => valueFor?.(TENANT_A).includes(String(n)) === true
  return [...candidates.filter(isNumbered), ...candidates.filter((candidate) => !isNumbered(candidate))]
}

/** Whether rows of one tenant must differ in this column, or in another one of the same key. */
function isDistinguishing({ keys }: TableShape, { name }: ColumnShape): boolean {
  return keys.some((key) => key.includes(name))
}

/** The value of an existing row; null for a table without rows. */
function referringTo(
  shape: TableShape,
  reference: ReferenceShape,
  column: ColumnShape,
  n: number,
  made: ReadonlyMap<string, FixtureTable>,
): Candidate | null {
  const parentColumn = reference.parentColumns[reference.columns.indexOf(column.name)] ?? ''
  if (reference.parent === shape.name) {
    // A row that needs a parent of its own table refers to itself.
    if (!column.notNull) return null
    const ownColumn = shape.columns.find(({ name }) => name === parentColumn) as ColumnShape
    return typedCandidates(shape.name, ownColumn, n)[0] ?? null
  }
  const parent = made.get(reference.parent)
  if (parent === undefined || parent.refused !== null) return null
  const row = isOneToOne(shape) ? (n === SPARE ? EXTRA : n) : 1
  if (row === EXTRA) parent.hasExtra = true
  return { valueFor: ({ key }) => String(parent.rows[key][row - 1]?.[parentColumn]), expression: null }
}

/** Whether a key consists of references: each row then needs different parents. */
function isOneToOne({ keys, references }: TableShape): boolean {
  const referring = new Set(['tenant_id', ...references.flatMap(({ columns }) => columns)])
  return keys.some((key) => key.length > 1 && key.every((column) => referring.has(column)))
}

function absentReference(column: ColumnShape, absent: Candidate): Candidate {
  if (!column.notNull) return absent
  throw new Error(`there is no row that column ${column.name} could refer to`)
}

/** For every column the first candidate with which all checks pass. */
async function passChecks(
  client: pg.Client,
  shape: TableShape,
  choices: Choices,
): Promise<Map<string, Candidate>> {
  const chosen = new Map([...choices].map(([name, candidates]) => [name, candidates[0] as Candidate]))
  for (const { columns, expressions } of checkGroups(shape)) {
    const tried = columns.map((name) => choices.get(name) ?? [])
    const combinations = tried.reduce((product, { length }) => product * length, 1)
    if (combinations > COMBINATIONS_MAX)
      throw new Error(`its checks hold too many columns: ${columns.join(', ')}`)
    const { rows } = await client.query<Record<string, number>>(
      searchSql(client, shape, columns, tried, expressions),
    )
    const [found] = rows
    if (found === undefined) throw new Error(`no value known here passes ${expressions.join(' and ')}`)
    for (const [index, name] of columns.entries())
      chosen.set(name, tried[index]?.[found[`choice${index}`] ?? 0] as Candidate)
  }
  return chosen
}

/** Checks with a common column must pass together. */
function checkGroups({ checks }: TableShape): { columns: string[]; expressions: string[] }[] {
  const groups: { columns: string[]; expressions: string[] }[] = []
  for (const { columns, expression } of checks) {
    const touching = groups.filter((group) => group.columns.some((name) => columns.includes(name)))
    for (const group of touching) groups.splice(groups.indexOf(group), 1)
    groups.push({
      columns: [...new Set([...touching.flatMap((group) => group.columns), ...columns])],
      expressions: [...touching.flatMap((group) => group.expressions), expression],
    })
  }
  return groups.filter(({ columns }) => columns.length > 0)
}

/** The first combination that passes, as the index of each column's candidate. */
function searchSql(
  client: pg.Client,
  shape: TableShape,
  columns: readonly string[],
  tried: readonly (readonly Candidate[])[],
  expressions: readonly string[],
): string {
  const from = columns.map((name, index) => {
    const type = shape.columns.find((column) => column.name === name)?.type
    const values = tried[index]?.map(
      ({ valueFor, expression }, place) =>
        `SELECT ${place} AS choice${index}, (${expression ?? client.escapeLiteral(valueFor?.(TENANT_A) ?? '')})::${type} AS "${name}"`,
    )
    return `(${values?.join(' UNION ALL ')}) AS of${index}`
  })
  const places = columns.map((_, index) => `choice${index}`)
  return `SELECT ${places.join(', ')} FROM ${from.join(', ')}
    WHERE ${expressions.map((expression) => `(${expression}) IS NOT FALSE`).join(' AND ')}
    ORDER BY ${places.join(' + ')}, ${places.join(', ')} LIMIT 1`
}
