// Proves the walls of a database by trying them: the doctor, then every table × command × scope as the runtime role, then
// the same with each wall damaged, which the attempts must notice.
import pg from 'pg'
import { examine } from '../doctor/doctor.ts'
import type { Exceptions } from '../doctor/exceptions.ts'
import { prepareSession } from '../session-settings.ts'
import { type TableShape, tableShapes } from './catalogue.ts'
import { type FixtureTable, fixtureTables, seededRows } from './fixture-rows.ts'
import { attemptsOn, COMMANDS, SCOPES, violations } from './matrix.ts'
import { insertRow } from './rows.ts'
import { type Sabotage, sabotagesFor } from './sabotages.ts'
import type { Right, TableFacts } from './statements.ts'
import { type OwnValues, PROOF_TENANTS, type ProofTenant } from './tenants.ts'

export interface Proof {
  /** `rooms: select in the other tenant`. */
  readonly name: string
  readonly ok: boolean
  /** What was found; empty when `ok`. */
  readonly detail: readonly string[]
}

export interface ProofOptions {
  /** Of a database for tests: two tenants are added, and each wall is damaged and mended. */
  readonly ownerUrl: string
  readonly runtimeUrl: string
  /** Column values that cannot be generated. */
  readonly ownValues?: OwnValues
  /** As for the doctor. */
  readonly exceptions?: Exceptions
}

/**
 * Yields one proof after the other; the walls hold when all are `ok`. The rows of its two tenants stay, so a second run
 * uses them. A table is damaged only when its own proofs hold, and the damage is mended before the next one. Rejects when the
 * database cannot be reached.
 */
export async function* proveWalls({
  ownerUrl,
  runtimeUrl,
  ownValues = {},
  exceptions = {},
}: ProofOptions): AsyncGenerator<Proof, void> {
  const findings = await examine(runtimeUrl, { exceptions })
  const errors = findings.filter(({ level }) => level === 'error')
  yield proof(
    'the doctor finds nothing',
    errors.map(({ object, code, message }) => `${object}: ${message} (${code})`),
  )
  const owner = await connect(ownerUrl)
  const runtime = await connect(runtimeUrl)
  try {
    const shapes = await tableShapes(owner)
    yield proof('there are tables of tenants', shapes.length === 0 ? ['schema public has none'] : [])
    const tables = await fixtureTables(owner, shapes, ownValues)
    for (const table of tables) {
      const refusal = await seed(owner, table)
      yield proof(`${table.name}: has rows of two tenants`, refusal === null ? [] : [refusal])
      const shape = shapes.find(({ name }) => name === table.name)
      if (refusal === null && shape !== undefined) yield* proveTable({ owner, runtime }, table, shape)
    }
  } finally {
    await Promise.all([owner.end(), runtime.end()])
  }
}

type Connections = { readonly owner: pg.Client; readonly runtime: pg.Client }

async function* proveTable(
  { owner, runtime }: Connections,
  table: FixtureTable,
  shape: TableShape,
): AsyncGenerator<Proof, void> {
  const facts = await factsOf(owner, table, shape)
  const attempts = attemptsOn(facts)
  let isWhole = true
  for (const scope of SCOPES) {
    for (const command of COMMANDS) {
      const chosen = attempts.filter((attempt) => attempt.scope === scope && attempt.command === command)
      const found = await violations(runtime, table.name, chosen)
      isWhole &&= found.length === 0
      yield proof(`${table.name}: ${command} in ${scope}`, found)
    }
  }
  if (!isWhole) return
  for (const sabotage of sabotagesFor(facts.rights)) {
    const found = await damaged(owner, table.name, sabotage, () => violations(runtime, table.name, attempts))
    const isSeen = found.some((violation) => sabotage.trips.test(violation))
    yield proof(`${table.name}: these proofs fail with ${sabotage.what}`, isSeen ? [] : ['they did not'])
  }
}

async function damaged<T>(
  owner: pg.Client,
  table: string,
  { damage, mend }: Sabotage,
  work: () => Promise<T>,
): Promise<T> {
  const name = pg.escapeIdentifier(table)
  await owner.query(damage(name))
  try {
    return await work()
  } finally {
    await owner.query(mend(name))
  }
}

/** Inserts the rows of both tenants, unless there are some. Returns why that is impossible; null when they are there. */
async function seed(owner: pg.Client, table: FixtureTable): Promise<string | null> {
  try {
    for (const tenant of PROOF_TENANTS) {
      await inTenant(owner, tenant, async () => {
        if ((await count(owner, table.name)) > 0) return
        for (const row of seededRows(table, tenant.key)) await insertRow(owner, table.name, row)
      })
    }
    return null
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}. Give its columns values in ownValues.`
  }
}

const RIGHTS_SQL = `
  SELECT privilege FROM unnest('{select,insert,update,delete}'::text[]) privilege
  WHERE CASE WHEN privilege IN ('select', 'delete') THEN has_table_privilege('bulkhead_runtime', $1, privilege)
    ELSE has_any_column_privilege('bulkhead_runtime', $1, privilege) END`

const UPDATABLE_SQL = `
  SELECT a.attname AS name FROM pg_attribute a
  WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped
    AND has_column_privilege('bulkhead_runtime', a.attrelid, a.attnum, 'UPDATE') ORDER BY a.attnum`

async function factsOf(
  owner: pg.Client,
  { name, rows }: FixtureTable,
  shape: TableShape,
): Promise<TableFacts> {
  const quoted = pg.escapeIdentifier(name)
  const rights = await owner.query<{ privilege: Right }>(RIGHTS_SQL, [quoted])
  const updatable = await owner.query<{ name: string }>(UPDATABLE_SQL, [quoted])
  const [a, b] = PROOF_TENANTS
  return {
    name,
    keyColumns: shape.keys[0] ?? [],
    rowsOfA: await inTenant(owner, a, () => count(owner, name)),
    rowsOfB: await inTenant(owner, b, () => count(owner, name)),
    rows,
    rights: rights.rows.map(({ privilege }) => privilege),
    updatable: updatable.rows[0]?.name ?? 'tenant_id',
  }
}

async function count(client: pg.Client, table: string): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    // The policies may be what is broken, so the filter is here too.
    `SELECT count(*)::int AS count FROM ${pg.escapeIdentifier(table)} WHERE tenant_id = app.tenant_id()`,
  )
  return rows[0]?.count ?? 0
}

async function inTenant<T>(client: pg.Client, { id }: ProofTenant, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN')
  try {
    await client.query(`SELECT set_config('app.tenant_id', $1, true)`, [id])
    const result = await work()
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  }
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString, application_name: 'bulkhead proof' })
  // Without a listener a lost connection would end the process; the running query fails with the same error.
  client.on('error', () => {})
  await client.connect()
  await prepareSession(client)
  return client
}

function proof(name: string, detail: readonly string[]): Proof {
  return { name, ok: detail.length === 0, detail }
}
