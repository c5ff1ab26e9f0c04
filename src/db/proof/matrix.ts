// The expected answer of a table to every command in every scope, as data, and its execution. Attempts that pass with the
// walls must fail without them: sabotages.ts.
import pg from 'pg'
import { EVERYTHING } from '../scope.ts'
import { insertStatement, SPARE } from './rows.ts'
import {
  insertedFor,
  keyOf,
  mergeDelete,
  mergeInsert,
  mergeUpdate,
  onConflict,
  ownIdOf,
  rowOf,
  type Statement,
  type TableFacts,
} from './statements.ts'
import { PROOF_TENANTS } from './tenants.ts'

const [TENANT_A, TENANT_B] = PROOF_TENANTS

export const COMMANDS = ['select', 'insert', 'update', 'delete', 'merge', 'copy'] as const
export type Command = (typeof COMMANDS)[number]

/** The target rows are always tenant A's. */
export const SCOPES = [
  'no tenant',
  'an ended scope',
  'the other tenant',
  'the own tenant',
  'the own tenant, to read',
] as const
export type Scope = (typeof SCOPES)[number]

/** For `app.tenant_id`; null: never set in the session. */
const SETTING: Record<Scope, string | null> = {
  'no tenant': null,
  'an ended scope': '',
  'the other tenant': TENANT_B.id,
  'the own tenant': TENANT_A.id,
  'the own tenant, to read': TENANT_A.id,
}
/** For `app.permissions`. */
const WRITES: Partial<Record<Scope, string>> = { 'the own tenant, to read': '' }

const NO_TENANT = 'BK001'
const READ_ONLY = 'BK004'
/** Both for a missing right and for a row that WITH CHECK refuses. */
const DENIED = '42501'
const COPY_FROM_REFUSED = '0A000'

export interface Attempt {
  command: Command
  scope: Scope
  what: string
  /** Run in one transaction in `scope`, which is rolled back; the last one's answer counts. */
  statements: Statement[]
  /** `3 rows`, or a SQLSTATE. */
  expected: string
}

/** Every attempt on one table, with the expected answer. */
export function attemptsOn(table: TableFacts): Attempt[] {
  return SCOPES.flatMap((scope) =>
    (scope === 'the own tenant'
      ? ownAttempts(table)
      : scope === 'the own tenant, to read'
        ? readersAttempts(table)
        : scope === 'the other tenant'
          ? otherAttempts(table)
          : scopelessAttempts(table)
    ).map((attempt) => ({
      ...attempt,
      scope,
      expected: allowed(table, attempt) ? attempt.expected : DENIED,
    })),
  )
}

type UnscopedAttempt = Omit<Attempt, 'scope'> & { needs?: string[] }

function allowed({ rights }: TableFacts, { command, needs = [command] }: UnscopedAttempt): boolean {
  const held: readonly string[] = rights
  return needs.every((right) => held.includes(right))
}

/** Without a scope every command must raise; none may answer with an empty list. */
function scopelessAttempts(table: TableFacts): UnscopedAttempt[] {
  const t = `"${table.name}"`
  const column = `"${table.updatable}"`
  const spare = rowOf(table, TENANT_A, SPARE)
  return [
    attempt('select', 'all rows', `SELECT * FROM ${t}`, NO_TENANT),
    attempt('select', 'a count', `SELECT count(*) FROM ${t}`, NO_TENANT),
    attempt('select', 'by tenant', `SELECT * FROM ${t} WHERE tenant_id = '${TENANT_A.id}'`, NO_TENANT),
    attempt('insert', 'a row without tenant', insertStatement(table.name, spare), NO_TENANT),
    attempt(
      'insert',
      'a row of A',
      insertStatement(table.name, { tenant_id: TENANT_A.id, ...spare }),
      NO_TENANT,
    ),
    attempt('update', 'all rows', `UPDATE ${t} SET ${column} = ${column}`, NO_TENANT),
    attempt('delete', 'all rows', `DELETE FROM ${t}`, NO_TENANT),
    {
      ...attempt('merge', 'an update of every row', mergeUpdate(table, TENANT_A), NO_TENANT),
      needs: ['select', 'update'],
    },
    { ...attempt('copy', 'to the client', `COPY ${t} TO STDOUT`, NO_TENANT), needs: ['select'] },
    {
      ...attempt('copy', 'from the client', `COPY ${t} (tenant_id) FROM STDIN`, COPY_FROM_REFUSED),
      needs: ['insert'],
    },
  ]
}

/** In B's scope, aimed at A's rows: as if A did not exist. */
function otherAttempts(table: TableFacts): UnscopedAttempt[] {
  const t = `"${table.name}"`
  const column = `"${table.updatable}"`
  const ofA = `tenant_id = '${TENANT_A.id}'`
  const one = keyOf(table, TENANT_A, 1)
  const spareOfA = { tenant_id: TENANT_A.id, ...rowOf(table, TENANT_A, SPARE) }
  const firstOfA = { tenant_id: TENANT_A.id, ...rowOf(table, TENANT_A, 1) }
  const key = table.keyColumns.map((name) => `"${name}"`).join(', ')
  return [
    attempt('select', 'all rows: its own', `SELECT * FROM ${t}`, rows(table.rowsOfB)),
    attempt(
      'select',
      'rows of any other tenant',
      `SELECT * FROM ${t} WHERE tenant_id <> '${TENANT_B.id}'`,
      rows(0),
    ),
    attempt('select', 'by tenant', `SELECT * FROM ${t} WHERE ${ofA}`, rows(0)),
    attempt('select', 'by key', `SELECT * FROM ${t} WHERE ${one}`, rows(0)),
    attempt('select', 'by id alone', `SELECT * FROM ${t} WHERE ${ownIdOf(table, TENANT_A)}`, rows(0)),
    attempt('insert', 'a row of A', insertStatement(table.name, spareOfA), DENIED),
    attempt(
      'insert',
      'a row of A, ON CONFLICT DO NOTHING',
      onConflict(table.name, firstOfA, 'DO NOTHING'),
      DENIED,
    ),
    attempt(
      'insert',
      'a row of A, ON CONFLICT DO UPDATE',
      onConflict(table.name, firstOfA, `(${key}) DO UPDATE SET ${column} = excluded.${column}`),
      DENIED,
    ),
    attempt('update', 'all rows: its own', `UPDATE ${t} SET ${column} = ${column}`, rows(table.rowsOfB)),
    attempt('update', 'by tenant', `UPDATE ${t} SET ${column} = ${column} WHERE ${ofA}`, rows(0)),
    attempt('update', 'by key', `UPDATE ${t} SET ${column} = ${column} WHERE ${one}`, rows(0)),
    attempt('update', 'its own rows to A', `UPDATE ${t} SET tenant_id = '${TENANT_A.id}'`, DENIED),
    attempt('delete', 'by tenant', `DELETE FROM ${t} WHERE ${ofA}`, rows(0)),
    attempt('delete', 'by key', `DELETE FROM ${t} WHERE ${one}`, rows(0)),
    {
      ...attempt('merge', 'an update of A’s rows', mergeUpdate(table, TENANT_A), rows(0)),
      needs: ['select', 'update'],
    },
    {
      ...attempt('merge', 'a delete of A’s rows', mergeDelete(table.name, TENANT_A), rows(0)),
      needs: ['select', 'delete'],
    },
    {
      ...attempt('merge', 'an insert of a row of A', mergeInsert(table.name, spareOfA), DENIED),
      needs: ['select', 'insert'],
    },
    {
      ...attempt('copy', 'to the client: its own', `COPY ${t} TO STDOUT`, rows(table.rowsOfB)),
      needs: ['select'],
    },
    {
      ...attempt('copy', 'from the client', `COPY ${t} (tenant_id) FROM STDIN`, COPY_FROM_REFUSED),
      needs: ['insert'],
    },
  ]
}

/** A must reach all of its own rows. */
function ownAttempts(table: TableFacts): UnscopedAttempt[] {
  const t = `"${table.name}"`
  const column = `"${table.updatable}"`
  const spare = rowOf(table, TENANT_A, SPARE)
  // A second row would be too many for a table with one per tenant.
  const room = table.keyColumns.length === 1 ? [{ text: `DELETE FROM ${t}` }] : []
  return [
    attempt('select', 'all rows: its own', `SELECT * FROM ${t}`, rows(table.rowsOfA)),
    attempt(
      'select',
      'rows of any other tenant',
      `SELECT * FROM ${t} WHERE tenant_id <> '${TENANT_A.id}'`,
      rows(0),
    ),
    attempt('select', 'by key', `SELECT * FROM ${t} WHERE ${keyOf(table, TENANT_A, 1)}`, rows(1)),
    {
      command: 'insert',
      what: 'a row without tenant becomes its own',
      statements: [...room, insertedFor(table.name, spare, TENANT_A)],
      expected: rows(1),
    },
    attempt('update', 'all rows: its own', `UPDATE ${t} SET ${column} = ${column}`, rows(table.rowsOfA)),
    attempt(
      'update',
      'by key',
      `UPDATE ${t} SET ${column} = ${column} WHERE ${keyOf(table, TENANT_A, 1)}`,
      rows(1),
    ),
    attempt('update', 'its own rows to B', `UPDATE ${t} SET tenant_id = '${TENANT_B.id}'`, DENIED),
    {
      command: 'delete',
      what: 'a row that it made',
      statements: [
        ...room,
        insertStatement(table.name, spare),
        { text: `DELETE FROM ${t} WHERE ${keyOf(table, TENANT_A, SPARE)}` },
      ],
      expected: rows(1),
    },
    {
      ...attempt('merge', 'an update of its rows', mergeUpdate(table, TENANT_A), rows(table.rowsOfA)),
      needs: ['select', 'update'],
    },
    {
      ...attempt('copy', 'to the client: its own', `COPY ${t} TO STDOUT`, rows(table.rowsOfA)),
      needs: ['select'],
    },
  ]
}

/** A scope that may only read: sees all of its rows, and every write raises. */
function readersAttempts(table: TableFacts): UnscopedAttempt[] {
  return ownAttempts(table).map((attempt) => {
    const reads = attempt.command === 'select' || attempt.command === 'copy'
    if (reads || attempt.expected === DENIED) return attempt
    // A row that it cannot make it cannot delete either, so an existing one is used.
    const text = `DELETE FROM "${table.name}" WHERE ${keyOf(table, TENANT_A, 1)}`
    const statements = attempt.command === 'delete' ? [{ text }] : attempt.statements
    return { ...attempt, statements, expected: READ_ONLY }
  })
}

/** Runs the attempts on one connection and returns every unexpected answer. */
export async function violations(
  client: pg.Client,
  table: string,
  attempts: readonly Attempt[],
): Promise<string[]> {
  const found: string[] = []
  for (const { command, scope, what, statements, expected } of attempts) {
    const answer = await answerTo(client, SETTING[scope], statements, WRITES[scope])
    if (answer !== expected)
      found.push(`${table}: ${command} in ${scope} (${what}): ${answer}, not ${expected}`)
  }
  return found
}

/** In a transaction that is rolled back: `3 rows`, or the SQLSTATE of the refusal. */
export async function answerTo(
  client: pg.Client,
  setting: string | null,
  statements: readonly Statement[],
  writes = EVERYTHING,
): Promise<string> {
  await client.query('BEGIN')
  try {
    await client.query(`SELECT set_config('app.permissions', $1, true)`, [writes])
    if (setting !== null) await client.query(`SELECT set_config('app.tenant_id', $1, true)`, [setting])
    let count = 0
    for (const { text, values } of statements) count = (await client.query(text, values)).rowCount ?? 0
    return rows(count)
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code) return error.code
    throw error
  } finally {
    await client.query('ROLLBACK')
  }
}

const rows = (count: number) => `${count} rows`

function attempt(
  command: Command,
  what: string,
  statement: string | Statement,
  expected: string,
): UnscopedAttempt {
  return {
    command,
    what,
    statements: [typeof statement === 'string' ? { text: statement } : statement],
    expected,
  }
}
