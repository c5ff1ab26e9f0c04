// A run ends with its verdict: the lines that a person or a program reads last.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TESTS = 50
/** Lines of the verdict, at the end of an output. */
const VERDICT_LINES = 2

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bulkhead-summary-'))
  await writeFile(
    join(directory, 'many.test.js'),
    `import { expect, it } from '${join(ROOT, 'node_modules/vitest/dist/index.js')}'
     for (let n = 0; n < ${TESTS}; n += 1) it('test ' + n, () => expect(n).not.toBe(7))
     it.skip('left out', () => {})`,
  )
})
afterAll(() => rm(directory, { recursive: true, force: true }))

async function lastLines(...args: readonly string[]): Promise<string[]> {
  const reporters = ['--reporter=default', `--reporter=${join(ROOT, 'test/support/summary-reporter.ts')}`]
  const child = spawn(
    process.execPath,
    [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--root', directory, ...reporters, ...args],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, REQUIRE_ALL_TESTS: '' } },
  )
  const [said] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return said.trimEnd().split('\n').slice(-VERDICT_LINES)
}

it('a run by name ends with how many were skipped, and its verdict', async () => {
  expect(await lastLines('-t', 'test 3$')).toEqual([`${TESTS} skipped by name`, '1 passed, 0 failed'])
  expect(await lastLines('-t', 'test 7$')).toEqual([`${TESTS} skipped by name`, '0 passed, 1 failed'])
})

it('a whole run names what was skipped', async () => {
  expect(await lastLines()).toEqual(['skipped: many.test.js > left out', `${TESTS - 1} passed, 1 failed`])
})
