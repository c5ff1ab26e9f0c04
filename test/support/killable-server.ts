// Starts run-server.ts, and kills it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('./run-server.ts', import.meta.url))

export interface KillableServer {
  url: string
  /** SIGKILL; resolves when the process has ended. */
  kill(): Promise<void>
}

export async function startKillableServer(options: {
  runtimeUrl: string
  companionUrl: string | null
  dataDir: string
  /** How far its clock is ahead, so that earlier claims have expired. */
  clockAheadMs: number
}): Promise<KillableServer> {
  const child = spawn(process.execPath, [MAIN, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> })
  const [url] = (await Promise.race([
    once(lines, 'line'),
    once(child, 'exit').then(() => Promise.reject(new Error('the server did not start'))),
  ])) as [string]
  return { url, kill: () => kill(child) }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
