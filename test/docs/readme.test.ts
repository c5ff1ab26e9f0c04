// The readme, followed to the letter: its commands against a server on fresh data, its answers compared.
import { execFile, spawnSync } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Running, startBulkhead } from '../cli/command-line.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const READY_WAIT_MS = 30_000
const POLL_MS = 50

let directory: string
let server: Running
let address: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bulkhead-readme-'))
  await chmod(directory, 0o755) // under root, PostgreSQL's own user passes through
  const env = { DATA_DIR: join(directory, 'data'), PORT: '0', METRICS_PORT: '0', SANDBOX_PORT: '0' }
  server = startBulkhead(['serve'], { cwd: directory, env })
  const deadline = Date.now() + READY_WAIT_MS
  for (;;) {
    const ready = /http:\/\/(\S+)\/graphql\b/.exec(server.said.stdout)?.[1]
    if (ready !== undefined) {
      address = ready
      return
    }
    if (Date.now() > deadline) throw new Error(`not ready: ${server.said.stderr}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
})
afterAll(async () => {
  server?.process.kill('SIGTERM')
  await server?.ended
  await rm(directory, { recursive: true, force: true })
})

/** The shell blocks from "A first query" on, each with the block that answers it, if one does. */
async function walk(): Promise<{ command: string; kind: string | null; answer: string }[]> {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
  const sections = readme.slice(readme.indexOf('## A first query'), readme.indexOf('## The map'))
  const blocks = sections.matchAll(
    /```sh\n(?<command>.*?)```(?:\n+```(?<kind>json|text)\n(?<answer>.*?)```)?/gs,
  )
  return [...blocks].map(({ groups }) => ({
    command: groups?.command ?? '',
    kind: groups?.kind ?? null,
    answer: groups?.answer ?? '',
  }))
}

/** The commands are for a person's shell; a bare machine may have neither. */
const hasShell = ['bash', 'curl'].every((program) => spawnSync(program, ['--version']).status === 0)

it.skipIf(!hasShell)(
  'answers what the readme says, command by command in one shell (needs bash and curl)',
  async () => {
    const steps = await walk()
    expect(steps.length).toBeGreaterThanOrEqual(4)
    const SEPARATOR = '\u001e'
    const script = steps
      .map(({ command }) => command.replaceAll('127.0.0.1:4000', address))
      .join(`\nprintf '${SEPARATOR}'\n`)
    const env = { ...process.env, DATA_DIR: join(directory, 'data') }
    const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: ROOT,
      env,
    })
    const printed = stdout.split(SEPARATOR)
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
