// Starts the sandbox beside the server, as a process of its own: what it does to the server it does over the network.
import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { AppError } from '../../core/errors.ts'

export type Sandbox = {
  readonly url: string
  /** Resolves when it ends, by `stop` or by itself. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>
  /** Ends it in an orderly way, or after a while in any; resolves when it is gone. */
  stop(): Promise<void>
  /** SIGKILL, as a crash would: its books stay as they are. */
  kill(): void
}

const START_DEADLINE_MS = 15_000
const STOP_DEADLINE_MS = 5_000
const FIND_TIMEOUT_MS = 2_000
/** Beside this file, built or not. */
const MAIN = join(import.meta.dirname, `main${extname(import.meta.filename)}`)

/** Resolves when it listens; it ends with this process. Throws SERVICE_UNAVAILABLE, saying why, when it does not start. */
export async function startSandbox(options: { dataDir: string; port: number }): Promise<Sandbox> {
  const args = [`--port=${options.port}`, `--data-dir=${options.dataDir}`, '--with-parent']
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // Of its own group: a Ctrl-C is the server's, which takes it along in its turn.
    detached: true,
  })
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    // One that could not be started never exits.
    child.once('error', () => resolve({ code: null, signal: null }))
  })
  try {
    const url = await firstLine(child)
    return { url, exited, stop: () => stop(child, exited), kill: () => void child.kill('SIGKILL') }
  } catch (error) {
    await stop(child, exited)
    throw error
  }
}

/** The address of the sandbox that another process runs on `dataDir`; null when none answers there. */
export async function findRunningSandbox(dataDir: string): Promise<string | null> {
  try {
    // This very process's own: after it ended, another may listen at the same port.
    const instanceUrl = await readFile(join(dataDir, 'url'), 'utf8')
    const { ok } = await fetch(instanceUrl, { signal: AbortSignal.timeout(FIND_TIMEOUT_MS) })
    return ok ? new URL(instanceUrl).origin : null
  } catch {
    return null
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const deadline = setTimeout(() => reject(notStarted('it said nothing')), START_DEADLINE_MS)
  const lines = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> })
  lines.once('line', (line) => {
    const { url, error } = said(line)
    if (url === undefined) reject(notStarted(error ?? `it said ${line}`))
    else resolve(url)
  })
  child.once('error', (error) => reject(notStarted(error.message)))
  child.once('exit', (code) => reject(notStarted(`it ended with code ${code}`)))
  try {
    return await promise
  } finally {
    clearTimeout(deadline)
  }
}

const saidSchema = z.object({ url: z.string().optional(), error: z.string().optional() })

function said(line: string): z.output<typeof saidSchema> {
  try {
    return saidSchema.parse(JSON.parse(line))
  } catch {
    return {}
  }
}

function notStarted(reason: string): AppError {
  const advice = /EADDRINUSE/.test(reason) ? ' Set SANDBOX_PORT to another port (0: any free one).' : ''
  return new AppError('SERVICE_UNAVAILABLE', `The payment sandbox did not start: ${reason}.${advice}`)
}

async function stop(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS)
  await exited
  clearTimeout(timer)
}
