// How the process stops, for every cause.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const SCRIPT = fileURLToPath(new URL('run-lifecycle.ts', import.meta.url))
const STARTED = ['first starts', 'second starts']
const STOPPED = ['second stops', 'first stops']
/** Longer than the time within which two signals count as one. */
const LATER_MS = 700

/** Runs the script; `onLine` may send it signals. */
async function run(
  trouble: string,
  onLine: (line: string, kill: (signal: NodeJS.Signals) => void) => unknown,
) {
  const child = spawn(process.execPath, [SCRIPT, trouble], { stdio: ['ignore', 'pipe', 'pipe'] })
  const lines: string[] = []
  let log = ''
  child.stderr.on('data', (chunk) => {
    log += String(chunk)
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    onLine(line, (signal) => void child.kill(signal))
  })
  const [code] = await once(child, 'close')
  return { code, lines, log }
}

it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s stops what was started, in reverse', async (signal) => {
  const { code, lines } = await run('none', (line, kill) => line === 'ready' && kill(signal))
  expect([code, lines]).toEqual([0, [...STARTED, 'ready', ...STOPPED]])
})

it('two signals in short succession count as one: npm forwards what the terminal has also sent', async () => {
  // The stop takes longer than both signals: while Node itself tears down, no handler would get the second.
  const { code, lines } = await run('stop-takes-a-moment', (line, kill) => {
    if (line !== 'ready') return
    kill('SIGINT')
    kill('SIGINT')
  })
  expect([code, lines]).toEqual([0, [...STARTED, 'ready', ...STOPPED]])
})

it('a second signal ends at once what does not stop', async () => {
  const { code, lines } = await run('stop-hangs', async (line, kill) => {
    if (line === 'ready') kill('SIGTERM')
    if (line !== 'second stops') return
    await sleep(LATER_MS)
    kill('SIGTERM')
  })
  expect([code, lines]).toEqual([130, [...STARTED, 'ready', 'second stops']])
})

it.each([
  ['part-fails', ['a part ended']],
  ['uncaught', ['nobody caught this']],
  // When a database ends, its users fail first: the log must show both.
  ['uncaught-then-part-fails', ['nobody caught this', 'a part ended']],
])('%s: stops everything, fails, and tells of nothing else', async (trouble, told) => {
  const { code, lines, log } = await run(trouble, () => {})
  expect([code, lines]).toEqual([1, [...STARTED, 'ready', ...STOPPED]])
  const errors = log
    .match(/.+/g)
    ?.map((line) => (JSON.parse(line) as { err: { message: string } }).err.message)
  expect(errors).toEqual(told)
})

it('a start that fails stops what had been started', async () => {
  const { code, lines } = await run('start-fails', () => {})
  expect([code, lines]).toEqual([1, [...STARTED, ...STOPPED, 'cannot start']])
})

it('a part that fails to stop does not prevent the others, and is a failure', async () => {
  const { code, lines } = await run('stop-fails', (line, kill) => line === 'ready' && kill('SIGTERM'))
  expect([code, lines]).toEqual([1, [...STARTED, 'ready', ...STOPPED]])
})
