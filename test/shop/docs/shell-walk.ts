// Runs a page's shell blocks literally, in one shell, against a server with fresh data.
import { execFile, spawnSync } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startBulkhead } from '../../cli/command-line.ts'

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
/** The server first creates a database, migrates it and fills two shops. */
const READY_WAIT_MS = 120_000
const POLL_MS = 50
const SEPARATOR = '\u001e'

export interface DemoServer {
  /** Host and port. */
  address: string
  dataDir: string
  stop(): Promise<void>
}

/** `bulkhead serve` on its own data directory, with the demo tenants. */
export async function startDemo(): Promise<DemoServer> {
  const directory = await mkdtemp(join(tmpdir(), 'bulkhead-docs-'))
  await chmod(directory, 0o755) // under root, PostgreSQL's own user passes through
  const dataDir = join(directory, 'data')
  const env = { DATA_DIR: dataDir, PORT: '0', METRICS_PORT: '0', SANDBOX_PORT: '0' }
  const server = startBulkhead(['serve'], { cwd: directory, env })
  async function stop(): Promise<void> {
    server.process.kill('SIGTERM')
    await server.ended
    await rm(directory, { recursive: true, force: true })
  }
  const deadline = Date.now() + READY_WAIT_MS
  for (;;) {
    const address = /http:\/\/(\S+)\/graphql\b/.exec(server.said.stdout)?.[1]
    if (address !== undefined) return { address, dataDir, stop }
    if (Date.now() > deadline) {
      await stop()
      throw new Error(`not ready: ${server.said.stderr}`)
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

export interface ShellStep {
  command: string
  /** The block with the expected answer; null: none. */
  kind: 'json' | 'text' | null
  answer: string
}

/** The shell blocks of a page, each with its expected answer, if any. */
export function shellSteps(page: string): ShellStep[] {
  const blocks = page.matchAll(/```sh\n(?<command>.*?)```(?:\n+```(?<kind>json|text)\n(?<answer>.*?)```)?/gs)
  return [...blocks].map(({ groups }) => ({
    command: groups?.command ?? '',
    kind: groups?.kind === undefined ? null : (groups.kind as 'json' | 'text'),
    answer: groups?.answer ?? '',
  }))
}

/** The commands need these programs, which a bare machine may lack. */
export const hasShell = ['bash', 'curl'].every((program) => spawnSync(program, ['--version']).status === 0)

/** Runs them one after the other; returns their outputs. Throws when one fails. */
export async function follow(steps: readonly ShellStep[], server: DemoServer): Promise<string[]> {
  const script = steps
    .map(({ command }) => command.replaceAll('127.0.0.1:4000', server.address))
    .join(`\nprintf '${SEPARATOR}'\n`)
  const env = { ...process.env, DATA_DIR: server.dataDir }
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], { cwd: ROOT, env })
  return stdout.split(SEPARATOR)
}
