// Follows the readme and the pages literally: runs their commands against one server with fresh data, and compares
// their answers.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type DemoServer, follow, hasShell, ROOT, shellSteps, startDemo } from './shell-walk.ts'

/** From one heading to another, where only a part of the page is for a shell. */
const PAGES = [
  { page: 'README.md', from: '## A first query', to: '## The map' },
  { page: 'docs/members.md' },
  { page: 'docs/api-keys.md' },
]
const STEPS_MIN = 5
/** Longer than startDemo waits, so that its error is reported. */
const START_TIMEOUT_MS = 150_000
/** A page starts about twenty programs, each of which takes seconds on a busy machine. */
const PAGE_TIMEOUT_MS = 240_000
/** Different in every run: an ellipsis on the page. */
const INSTANT = /\d{4}-\d\d-\d\dT[\d:.]+Z/g

let server: DemoServer
beforeAll(async () => {
  server = await startDemo()
}, START_TIMEOUT_MS)
afterAll(() => server?.stop())

interface Answer {
  data?: object | null
  errors?: object[]
}

it.skipIf(!hasShell).each(PAGES)(
  '$page answers what it says, command by command in one shell (needs bash and curl)',
  async ({ page, from, to }) => {
    const text = await readFile(join(ROOT, page), 'utf8')
    const steps = shellSteps(
      text.slice(text.indexOf(from ?? ''), to === undefined ? undefined : text.indexOf(to)),
    )
    expect(steps.length).toBeGreaterThanOrEqual(STEPS_MIN)
    const printed = await follow(steps, server)
    for (const [index, { kind, answer, command }] of steps.entries()) {
      const said = printed[index]?.trim().replaceAll(INSTANT, '…') ?? ''
      if (kind === 'text') expect(said, command).toBe(answer.trim())
      // Of several commands a page shows the last one's answer.
      if (kind === 'json') expectAnswer(said.split('\n').at(-1) ?? '', answer, command)
    }
  },
  PAGE_TIMEOUT_MS,
)

function expectAnswer(said: string, promised: string, command: string): void {
  const [{ data = null, errors = [] }, wanted] = [said, promised].map(
    (text) => JSON.parse(text) as Answer,
  ) as [Answer, Answer]
  expect(data, command).toEqual(wanted.data ?? null)
  expect(errors.length, command).toBe(wanted.errors?.length ?? 0)
  // They also contain the request id.
  expect(errors, command).toMatchObject(wanted.errors ?? [])
}
