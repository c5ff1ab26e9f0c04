// docs/api-keys.md, followed to the letter: its commands against a server on fresh data, its answers compared.
import { execFile, spawnSync } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Running, startBulkhead } from '../cli/command-line.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const READY_WAIT_MS = 50_000
const POLL_MS = 50
const SEPARATOR = '\u001e'
/** Made anew in every run. */
const INSTANT = /\d{4}-\d\d-\d\dT[\d:.]+Z/g

let directory: string
let server: Running
let address: string | undefined
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bulkhead-api-keys-'))
  await chmod(directory, 0o755) // under root, PostgreSQL's own user passes through
  const env = { DATA_DIR: join(directory, 'data'), PORT: '0', METRICS_PORT: '0', SANDBOX_PORT: '0' }
  server = startBulkhead(['serve'], { cwd: directory, env })
  const deadline = Date.now() + READY_WAIT_MS
  while (address === undefined) {
    if (Date.now() > deadline) throw new Error(`not ready: ${server.said.stderr}`)
    await sleep(POLL_MS)
    address = /http:\/\/(\S+)\/graphql\b/.exec(server.said.stdout)?.[1]
  }
})
afterAll(async () => {
  server?.process.kill('SIGTERM')
  await server?.ended
  await rm(directory, { recursive: true, force: true })
})

/** The commands are for a person's shell; a bare machine may have neither. */
const hasShell = ['bash', 'curl'].every((program) => spawnSync(program, ['--version']).status === 0)

it.skipIf(!hasShell)(
  'answers what the page says, command by command in one shell (needs bash and curl)',
  async () => {
    const page = await readFile(join(ROOT, 'docs/api-keys.md'), 'utf8')
    const blocks = [...page.matchAll(/```sh\n(.*?)```(?:[^`]*?```json\n(.*?)```)?/gs)]
    expect(blocks.length).toBeGreaterThanOrEqual(5)
    const script = blocks
      .map(([, command = '']) => command.replaceAll('127.0.0.1:4000', address ?? ''))
      .join(`\nprintf '${SEPARATOR}'\n`)
    const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: ROOT,
      env: { ...process.env, DATA_DIR: join(directory, 'data') },
    })
    const printed = stdout.split(SEPARATOR)
    for (const [index, [, command, answer]] of blocks.entries()) {
      if (answer === undefined) continue
      // Of several commands the page shows the last one's answer.
      const said = printed[index]?.trim().split('\n').at(-1)?.replaceAll(INSTANT, '…') ?? ''
      expect(JSON.parse(said), command).toMatchObject(JSON.parse(answer))
    }
  },
)
