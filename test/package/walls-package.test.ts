// Follows docs/walls-package.md literally, in an empty project with the packed package.
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { asAdmin } from '../support/cluster.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { type PackedProject, packedProject, type Step, stepsOf } from './packed-project.ts'

const STEP_TIMEOUT_MS = 60_000
const steps = stepsOf(readFileSync(new URL('../../docs/walls-package.md', import.meta.url), 'utf8'))

let project: PackedProject
let database: TestDatabase
beforeAll(async () => {
  project = await packedProject()
  database = await createEmptyDatabase()
}, STEP_TIMEOUT_MS)
afterAll(async () => {
  await database?.drop()
  await project?.remove()
})

const run = (line: string) =>
  project.run(line, { DATABASE_OWNER_URL: database.ownerUrl, DATABASE_URL: database.runtimeUrl })

it('the packed file has the entries, the migrations of the walls, and nothing of this program’s own schema', () => {
  const { packed } = project
  expect(packed).toEqual(
    expect.arrayContaining([
      'lib/package/walls.js',
      'lib/package/walls.d.ts',
      'lib/package/graphql.js',
      'lib/package/testing.js',
      'LICENSE',
    ]),
  )
  expect(packed.filter((path) => path.endsWith('migration.sql'))).toHaveLength(6)
  // npm packs every bin: the command line's says that the package has none.
  expect(packed.filter((path) => /generated|shop|desk|edge|\.prisma$|^src|^test/.test(path))).toEqual([
    'src/cli/npx.js',
  ])
})

/** Statements that the types of the walls refuse, in the page's project. */
const REFUSED = `import { walls } from './walls.ts'
export async function refused(tenantId: string) {
  const db = walls.forTenant({ tenantId })
  // @ts-expect-error: transactions are opened by the walls
  await db.$transaction([])
  // @ts-expect-error: SQL is a template
  await db.$queryRawUnsafe('SELECT 1')
  // @ts-expect-error: there is no such model
  await db.chair.findMany()
  // @ts-expect-error: there is no such field
  await db.room.readMany({ select: { colour: true } })
  // @ts-expect-error: the reader has no cursors
  await db.room.readMany({ cursor: { tenantId_id: { tenantId, id: tenantId } } })
  const [room] = await db.room.readMany({ select: { bookings: { select: { guest: true } } } })
  const guest: string | undefined = room?.bookings[0]?.guest
  // @ts-expect-error: it was not selected
  return [guest, room?.name]
}
`

const titleOf = (step: Step) => (step.kind === 'file' ? step.path : step.line)

it.each(steps.map((step) => [titleOf(step), step] as const))(
  'the page: %s',
  async (_title, step) => {
    if (step.kind === 'file') {
      await project.write(step.path, step.text)
      return
    }
    const said = await run(step.line)
    if (step.answer !== null) expect(said).toBe(step.answer)
  },
  STEP_TIMEOUT_MS,
)

it(
  'the types refuse what the tenant’s client does not have',
  async () => {
    await project.write('src/refused.ts', REFUSED)
    await run('npx tsc')
  },
  STEP_TIMEOUT_MS,
)

it('has no command line, and says so', async () => {
  await expect(run('npx bulkhead --help')).rejects.toThrow('bulkhead: The package has no command line')
})

/** Declarations that the registered types refuse, in the page's project. */
const MISSPELT = `import { action, computed, defineCommand, idField, moneyField, one, page, type Resource, resource, sortOf } from 'bulkhead/graphql'
import { z } from 'zod'
import './notes.ts'
const all = { prefix: 'n', permission: 'notes' } as const
export function misspelt(note: Resource<'Note'>) {
  // @ts-expect-error: there is no such column
  resource('Note', { ...all, fields: { titel: {} } })
  // @ts-expect-error: there is no such column to look it up by
  resource('Note', { ...all, fields: { title: {} }, by: ['slag'] })
  // @ts-expect-error: there is no such relation
  resource('Booking', { ...all, fields: { guest: {} }, one: { rooms: {} } })
  // @ts-expect-error: there is no such model
  resource('Nota', { ...all, fields: {} })
  // @ts-expect-error: there is no such area of permissions
  resource('Note', { ...all, permission: 'nots', fields: { title: {} } })
  // @ts-expect-error: the enum has no such value
  action(note, 'archive', { run: () => ({ status: 'ARCHIVED' }) })
  // @ts-expect-error: the transaction has no such model
  action(note, 'archive', { run: async (tx) => ({ title: String(await tx.nota.count()) }) })
  // @ts-expect-error: there is no such permission
  defineCommand({ name: 'noteBurn', permission: 'notes:burn', errors: [], schema: z.object({}) })
  // @ts-expect-error: there is no such column to compute it of
  computed('Note', ['slag'], () => 'hello')
  // @ts-expect-error: it reads a column that it does not name
  computed('Note', ['slug'], ({ title }) => title)
  // @ts-expect-error: there is no such model
  idField('Nota')
  // @ts-expect-error: a text is no amount
  moneyField('Note', 'title', 'slug')
  // @ts-expect-error: there is no such column to filter a list by
  page({ where: { slag: 'hello' }, sort: sortOf('Note', 'createdAt') }, {})
  // @ts-expect-error: there is no such column to filter by
  return one('Note', { slag: 'hello' })
}
export const ok = () => [
  resource('Booking', { ...all, fields: { guest: {} }, one: { room: {} } }),
  computed('Note', ['slug', 'title'], ({ slug, title }) => slug + title),
  idField('Note'),
  page({ where: { slug: 'hello' }, sort: sortOf('Note', 'createdAt') }, {}),
  one('Note', { slug: 'hello', status: 'DRAFT' }),
]
`

it(
  'the types refuse a misspelt column, relation, model, permission and value of an enum',
  async () => {
    await project.write('src/misspelt.ts', MISSPELT)
    await run('npx tsc')
  },
  STEP_TIMEOUT_MS,
)

const PERMITTED = `import { contextOf, type Permission } from 'bulkhead/graphql'
import { graphql } from 'graphql'
import { randomUUID } from 'node:crypto'
import { schema } from './api.ts'
import { walls } from './walls.ts'
const tenantId = randomUUID()
async function ask(permissions: Permission[], source: string) {
  const actor = { kind: 'API_KEY', id: randomUUID(), name: 'a key' } as const
  const contextValue = contextOf({ walls, tenantId, actor, permissions: new Set(permissions), services: {} })
  const { data, errors } = await graphql({ schema, source, contextValue })
  return errors?.map(({ originalError, message, path }) => [(originalError as any)?.code ?? message, path?.join('.')]) ?? data
}
const create = (title: string, then = 'note { id title }') =>
  'mutation { noteCreate(input: { title: "' + title + '", slug: "a", idempotencyKey: "k" }) { ' + then + ' userErrors { code } } }'
const made: any = await ask(['notes:write'], create('A'))
const { id } = made.noteCreate.note
const node = '{ node(id: "' + id + '") { ... on Note { title } } }'
console.log(JSON.stringify([
  made.noteCreate.note.title,
  await ask(['notes:write'], create('A')),
  await ask(['notes:read', 'notes:write'], create('B')),
  await ask(['notes:write'], '{ notes(first: 1) { totalCount } }'),
  await ask(['notes:write'], '{ note(slug: "a") { id } }'),
  await ask(['notes:write'], node),
  await ask(['notes:read'], node),
  await ask(['notes:read'], create('C')),
]))
const db = walls.forTenant({ tenantId })
console.log(JSON.stringify([
  await db.$queryRaw\`SELECT type FROM outbox_events\`,
  await db.$queryRaw\`SELECT action, actor_kind, after ->> 'title' AS title FROM audit_entries\`,
]))
await walls.close()
`

it(
  'the API checks each permission where the schema is run by any server',
  async () => {
    await project.write('src/permitted.ts', PERMITTED)
    const [answers, records] = (await run('node src/permitted.ts')).trim().split('\n')
    expect(JSON.parse(answers ?? '')).toEqual([
      'A',
      // Another caller's record needs the permission to read it.
      { noteCreate: { note: null, userErrors: [] } },
      { noteCreate: { note: null, userErrors: [{ code: 'IDEMPOTENCY_KEY_REUSED' }] } },
      [['FORBIDDEN', 'notes']],
      [['FORBIDDEN', 'note']],
      [['FORBIDDEN', 'node']],
      { node: { title: 'A' } },
      [['FORBIDDEN', 'noteCreate']],
    ])
    expect(JSON.parse(records ?? '')).toEqual([
      [{ type: 'note.created' }],
      [{ action: 'noteCreate', actor_kind: 'API_KEY', title: 'A' }],
    ])
  },
  STEP_TIMEOUT_MS,
)

interface Hole {
  what: string
  make: string
  mend: string
  /** What the proof says of it. */
  named: RegExp
}

const HOLES: readonly Hole[] = [
  {
    what: 'row-level security disabled',
    make: 'ALTER TABLE bookings DISABLE ROW LEVEL SECURITY',
    mend: 'ALTER TABLE bookings ENABLE ROW LEVEL SECURITY',
    named:
      /bookings: select in the other tenant\n {2}bookings: select in the other tenant \(all rows: its own\): \d+ rows/,
  },
  {
    what: 'a policy that forgets the tenant',
    make: 'CREATE POLICY helpful ON rooms FOR SELECT USING (seats > 0)',
    mend: 'DROP POLICY helpful ON rooms',
    named:
      /rooms: select in the other tenant\n {2}rooms: select in the other tenant \(all rows: its own\): \d+ rows/,
  },
  {
    what: 'a policy that lets a reader write',
    make: 'CREATE POLICY helpful ON rooms FOR UPDATE USING (tenant_id = (SELECT app.tenant_id()))',
    mend: 'DROP POLICY helpful ON rooms',
    named: /rooms: update in the own tenant, to read\n/,
  },
]

it.each(HOLES)(
  'the proof goes red, and names the table, with $what',
  async ({ make, mend, named }) => {
    await asAdmin(database.ownerUrl, (owner) => owner.query(make))
    await expect(run('node src/prove.ts')).rejects.toThrow(named)
    await asAdmin(database.ownerUrl, (owner) => owner.query(mend))
    expect(await run('node src/prove.ts')).toBe('the walls hold\n')
  },
  STEP_TIMEOUT_MS,
)

const EXCEPTED = `import { createLogger, examine, migrate } from 'bulkhead/walls'
const exceptions = JSON.parse(process.argv[2] ?? '{}')
const { DATABASE_OWNER_URL: ownerUrl = '', DATABASE_URL: runtimeUrl = '' } = process.env
const logger = createLogger('silent')
const { applied } = await migrate({ ownerUrl, runtimeUrl, migrationsDir: 'prisma/migrations', logger, exceptions })
const findings = await examine(runtimeUrl, { exceptions })
const errors = findings.filter(({ level }) => level === 'error')
console.log(JSON.stringify([applied, errors.map(({ object }) => object)]))
`

it(
  'a table without a tenant is migrated and accepted by its name alone, and one with a tenant never',
  async () => {
    const name = '29990101000000_plans'
    await project.write('src/excepted.ts', EXCEPTED)
    await project.write(
      `prisma/migrations/${name}/migration.sql`,
      'CREATE TABLE plans (name text PRIMARY KEY);',
    )
    await expect(run('node src/excepted.ts')).rejects.toThrow(/public\.plans: has no column tenant_id/)
    const exceptions = `'${JSON.stringify({ 'public.plans': 'for all', 'public.rooms': 'no' })}'`
    expect(JSON.parse(await run(`node src/excepted.ts ${exceptions}`))).toEqual([[name], []])
    await asAdmin(database.ownerUrl, (owner) => owner.query('ALTER TABLE rooms NO FORCE ROW LEVEL SECURITY'))
    expect(JSON.parse(await run(`node src/excepted.ts ${exceptions}`))).toEqual([[], ['public.rooms']])
    await asAdmin(database.ownerUrl, (owner) =>
      owner.query('ALTER TABLE rooms FORCE ROW LEVEL SECURITY; DROP TABLE plans'),
    )
  },
  STEP_TIMEOUT_MS,
)

it(
  'a table that is not protected, and one whose rows cannot be generated, are named',
  async () => {
    const columns = `tenant_id uuid NOT NULL, id uuid, odd point NOT NULL, PRIMARY KEY (tenant_id, id)`
    await asAdmin(database.ownerUrl, (owner) => owner.query(`CREATE TABLE chairs (${columns})`))
    await expect(run('node src/prove.ts')).rejects.toThrow(
      /the doctor finds nothing\n {2}public\.chairs: [\s\S]*chairs: has rows of two tenants\n {2}no valid row can be made up for chairs/,
    )
  },
  STEP_TIMEOUT_MS,
)
