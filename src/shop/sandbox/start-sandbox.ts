// Starts the sandbox beside the server as a separate process, so that the server can reach it only over the network.
import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { AppError } from '../../core/errors.ts'

export type Sandbox = {
  readonly url: string
  /** Resolves when the process ends, for whatever reason. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>
  /** Ends it gracefully, or by force after a deadline; resolves when it has ended. */
  stop(): Promise<void>
  /** SIGKILL, like a crash: its store stays as it is. */
  kill(): void
}

const START_DEADLINE_MS = 15_000
const STOP_DEADLINE_MS = 5_000
const FIND_TIMEOUT_MS = 2_000
/** Beside this file, as source or built. */
const MAIN = join(import.meta.dirname, `main${extname(import.meta.filename)}`)

/**
 * Resolves when it listens; it ends with this process. Throws SERVICE_UNAVAILABLE with the reason when it does not
 * start.
 */
export async function startSandbox(options: { dataDir: string; port: number }): Promise<Sandbox> {
  const args = [`--port=${options.port}`, `--data-dir=${options.dataDir}`, '--with-parent']
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // A process group of its own, so that a Ctrl-C reaches only the server, which then stops the sandbox.
    detached: true,
  })
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    // A process that could not be started emits no exit event.
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

/** The address of the sandbox that another process runs on `dataDir`; null when it does not answer. */
export async function findRunningSandbox(dataDir: string): Promise<string | null> {
  try {
    // An address of that very process: after its end, another process may listen on the same port.
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
