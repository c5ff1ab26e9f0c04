// Follows docs/walls-package.md literally, in an empty project with the packed package.
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
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
    expect.arrayContaining(['lib/package/walls.js', 'lib/package/walls.d.ts', 'LICENSE']),
  )
  expect(packed.filter((path) => path.endsWith('migration.sql'))).toHaveLength(2)
  expect(packed.filter((path) => /generated|shop|desk|graphql|\.prisma$|^src|^test/.test(path))).toEqual([])
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
