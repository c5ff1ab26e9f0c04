// The readme and the pages beside it, followed to the letter: their commands against one server on fresh data, their answers
// compared.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type DemoServer, follow, hasShell, ROOT, shellSteps, startDemo } from './shell-walk.ts'

let server: DemoServer
beforeAll(async () => {
  server = await startDemo()
})
afterAll(() => server?.stop())

it.skipIf(!hasShell)(
  'answers what the readme says, command by command in one shell (needs bash and curl)',
  async () => {
    const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
    const steps = shellSteps(readme.slice(readme.indexOf('## A first query'), readme.indexOf('## The map')))
    expect(steps.length).toBeGreaterThanOrEqual(4)
    const printed = await follow(steps, server)
    for (const [index, { kind, answer, command }] of steps.entries()) {
      if (kind === 'text') {
        expect(printed[index]?.trim(), command).toBe(answer.trim())
        continue
      }
      const said = JSON.parse(printed[index] ?? '') as { data: unknown; errors?: unknown }
      expect(said.errors, command).toBeUndefined()
      if (kind === 'json') expect({ data: said.data }, command).toEqual(JSON.parse(answer))
    }
  },
)

interface Answer {
  data?: object | null
  errors?: object[]
}

it.skipIf(!hasShell)(
  'docs/members.md: invites, reads the mail, accepts, is refused, changes and removes (needs bash and curl)',
  async () => {
    const steps = shellSteps(await readFile(join(ROOT, 'docs/members.md'), 'utf8'))
    expect(steps.length).toBeGreaterThanOrEqual(8)
    const printed = await follow(steps, server)
    for (const [index, { kind, answer, command }] of steps.entries()) {
      if (kind === null) continue
      const promised = JSON.parse(answer) as Answer
      const said = JSON.parse(printed[index] ?? '') as Answer
      expect(said.data ?? null, command).toEqual(promised.data ?? null)
      // They also carry the request's id.
      expect(said.errors ?? [], command).toMatchObject(promised.errors ?? [])
    }
  },
)
