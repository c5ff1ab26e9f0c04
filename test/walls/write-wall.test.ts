// The write permissions of the policies within a tenant, in SQL: every table × everybody with a write permission ×
// every command, as the runtime role. The policies say who may write, so a new table is covered without further work.
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ACCEPT_INVITATION,
  isPermission,
  PERMISSIONS,
  type Permission,
  permissionsOf,
  ROLES,
  supportPermissions,
  writesOf,
} from '../../src/auth/permissions.ts'
import { type Attempt, answerTo, attemptsOn } from '../../src/db/proof/matrix.ts'
import { buildSchema } from '../../src/schema.ts'
import { type Api, startApi } from '../support/api.ts'
import { asSuperuser, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { fixtureTableNames } from '../support/fixture.ts'
import { documentOf } from '../support/operations.ts'
import { succeedingArguments } from '../support/recipes.ts'
import { LET_THROUGH_MIN } from '../support/samples.ts'
import { TENANT_A } from '../support/two-tenants.ts'
import { rowsBesideUse } from './bearers.ts'
import { tableFacts } from './matrix.ts'
import { mutationsOf } from './needs.ts'

const READ_ONLY = 'BK004'
/** The API's message. */
const WALL = 'this needs a permission to write'
/** In a table's list: what no role, key or grant has. */
const SYSTEM = 'system'
/** The desk's migration names it for the shop, which locks the tenant's row while it connects an account. */
const OF_THE_SHOP = 'payments:manage'

const holders: [who: string, permissions: ReadonlySet<Permission>][] = [
  ...ROLES.map((role): [string, ReadonlySet<Permission>] => [role, permissionsOf(role)]),
  ['support that may read', supportPermissions('READ')],
  ['support that may write', supportPermissions('WRITE')],
  ['somebody who was invited', new Set([ACCEPT_INVITATION])],
]
const single = [...PERMISSIONS, ACCEPT_INVITATION] as const

let database: TestDatabase
let runtime: pg.Client
/** By table: the permissions of which one is needed to write; empty: any write permission. */
let writers: Map<string, string[]>
beforeAll(async () => {
  database = await createTestDatabase({ seed: 'two-tenants' })
  runtime = new pg.Client({ connectionString: database.runtimeUrl })
  await runtime.connect()
  writers = await writersByTable()
})
afterAll(async () => {
  await runtime?.end()
  await database?.drop()
})

/** The doctor checks that the three policies of a table agree. */
async function writersByTable(): Promise<Map<string, string[]>> {
  const { rows } = await asSuperuser(database, (client) =>
    client.query<{ table: string; writers: string[] }>(
      `SELECT tablename AS table, substring(with_check from $$'({.*})'::text\\[\\]$$)::text[] AS writers
       FROM pg_policies WHERE policyname = 'tenant_insert'`,
    ),
  )
  return new Map(rows.map((row) => [row.table, row.writers]))
}

function mayWrite(table: string, permissions: ReadonlySet<string>): boolean {
  const needed = writers.get(table) ?? []
  const writes = [...permissions].filter((permission) => !permission.endsWith(':read'))
  return needed.length === 0 ? writes.length > 0 : writes.some((permission) => needed.includes(permission))
}

/** Every answer that contradicts the table's own list. */
async function wrongAnswers(
  attempts: readonly Attempt[],
  table: string,
  permissions: ReadonlySet<Permission>,
): Promise<string[]> {
  const scope = mayWrite(table, permissions) ? 'the own tenant' : 'the own tenant, to read'
  const wrong: string[] = []
  for (const { command, what, statements, expected } of attempts.filter((one) => one.scope === scope)) {
    const answer = await answerTo(runtime, TENANT_A.id, statements, writesOf(permissions))
    if (answer !== expected) wrong.push(`${command} (${what}): ${answer}, not ${expected}`)
  }
  return wrong
}

describe('who may write to which table', () => {
  it('is defined for every table, by existing permissions', () => {
    expect([...writers.keys()].toSorted()).toEqual(fixtureTableNames().toSorted())
    for (const [table, needed] of writers)
      for (const name of needed) {
        const isKnown = isPermission(name) || [ACCEPT_INVITATION, SYSTEM, OF_THE_SHOP].includes(name)
        expect(isKnown && !name.endsWith(':read'), `${table}: ${name}`).toBe(true)
      }
  })

  it('a VIEWER writes to none, and only the system writes the system’s tables', () => {
    for (const table of fixtureTableNames())
      expect(mayWrite(table, permissionsOf('VIEWER')), table).toBe(false)
    const ofSystem = fixtureTableNames().filter((table) => writers.get(table)?.join() === SYSTEM)
    expect(ofSystem).toEqual(expect.arrayContaining(['audit_seals', 'export_chunks']))
    for (const table of ofSystem)
      for (const [who, permissions] of holders)
        expect(mayWrite(table, permissions), `${who}: ${table}`).toBe(false)
  })

  it('people, keys and grants are not a clerk’s, nor support’s', () => {
    for (const table of ['members', 'invitations', 'api_keys', 'support_grants', 'exports', 'tenants'])
      for (const permissions of [permissionsOf('STAFF'), supportPermissions('WRITE')])
        expect(mayWrite(table, permissions), table).toBe(false)
  })
})

describe.each(fixtureTableNames())('%s', (table) => {
  let attempts: Attempt[]
  beforeAll(async () => {
    attempts = attemptsOn(await tableFacts(database, table))
  })

  it.each(holders)('%s writes to it, or is refused loudly, as its list says', async (_who, permissions) => {
    expect(await wrongAnswers(attempts, table, permissions)).toEqual([])
  })

  it('so does a caller with a single permission', async () => {
    const writing = attempts.filter(({ command }) => ['insert', 'update', 'delete'].includes(command))
    for (const permission of single)
      expect(await wrongAnswers(writing, table, new Set([permission])), permission).toEqual([])
  })
})

describe('a VIEWER’s session, by raw SQL', () => {
  it.each([
    ['queues no job', `SELECT app.enqueue('integrity.check', '{}')`],
    [
      'writes nothing out of a query',
      `WITH gone AS (DELETE FROM exports RETURNING id) SELECT count(*) FROM gone`,
    ],
    ['locks no row', 'SELECT * FROM exports FOR UPDATE'],
    ['renames its own role', `UPDATE members SET role = 'OWNER'`],
    ['gives itself no key', `UPDATE api_keys SET permissions = '{things:write}'`],
    [
      'writes no audit',
      `INSERT INTO audit_entries (id, actor_kind, action, subject_type, subject_id, request_id)
       SELECT id, actor_kind, action, subject_type, subject_id, request_id FROM audit_entries`,
    ],
  ])('%s', async (_what, text) => {
    const writes = writesOf(permissionsOf('VIEWER'))
    expect(await answerTo(runtime, TENANT_A.id, [{ text }], writes)).toBe(READ_ONLY)
  })
})

describe('with the first wall gone', () => {
  const mutations = mutationsOf(buildSchema()).filter(({ needed }) => needed.length > 0)
  let api: Api
  beforeAll(async () => {
    // Every check in the process gets a VIEWER with all permissions; the database gets a VIEWER's.
    const everything = new Set<Permission>(single)
    const isViewer = (role: string | undefined) => role === 'VIEWER'
    api = await startApi({
      disguise: (caller) =>
        caller.actor.kind === 'MEMBER' && isViewer(caller.actor.role)
          ? { ...caller, permissions: everything }
          : caller,
    })
  })
  afterAll(() => api?.close())

  it.each(mutations.map((operation) => [operation.place.name, operation] as const))(
    'a VIEWER without checks in the process cannot %s',
    async (_name, { place, selection }) => {
      const given = await succeedingArguments(api, place, 'A')
      const before = await rowsBesideUse(api, 'A')
      const answer = await api.as('A', 'VIEWER').send(documentOf(place, given, selection), given)
      expect(answer.data).toEqual({ answer: null })
      expect(answer.errors).toMatchObject([{ code: 'FORBIDDEN' }])
      expect(await rowsBesideUse(api, 'A')).toEqual(before)
    },
  )

  it('and it is this wall that held: without it the same calls are let through', async () => {
    await asSuperuser(api.database, (client) =>
      client.query(`CREATE OR REPLACE FUNCTION app.may_write(needed text[]) RETURNS boolean
        LANGUAGE sql STABLE AS 'SELECT true'`),
    )
    const done: string[] = []
    for (const { place, selection } of mutations) {
      // A tenant whose work has ended would refuse the next call.
      if (place.field.name.startsWith('tenant')) continue
      const given = await succeedingArguments(api, place, 'A')
      const { errors } = await api.as('A', 'VIEWER').send(documentOf(place, given, selection), given)
      // Some use cases check the caller again in their own transaction.
      const bySelf = errors.filter(({ code, message }) => code === 'FORBIDDEN' && message !== WALL)
      expect(errors, place.name).toEqual(bySelf)
      if (errors.length === 0) done.push(place.name)
    }
    expect(done.length).toBeGreaterThanOrEqual(LET_THROUGH_MIN)
  })
})
