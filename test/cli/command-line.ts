// Runs the command line in a separate process, with only the given settings.
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

export interface Running {
  process: ChildProcessByStdio<null, Readable, Readable>
  /** The output so far. */
  said: { stdout: string; stderr: string }
  ended: Promise<Ended>
}

/** Starts a command in `cwd`, which should have no `.env`. */
export function startBulkhead(
  args: string[],
  options: { cwd: string; env: Record<string, string> },
): Running {
  return bulkheadIn(ROOT, args, options)
}

/** The same in a copy of the project. */
export function bulkheadIn(
  root: string,
  args: string[],
  options: { cwd: string; env: Record<string, string> },
): Running {
  const child = spawn(process.execPath, [join(root, 'src/cli/bulkhead.ts'), ...args], {
    cwd: options.cwd,
    env: { PATH: process.env.PATH ?? '', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text
    })
  }
  const ended = once(child, 'close').then(([code]: (number | null)[]) => ({ code: code ?? null, ...said }))
  return { process: child, said, ended }
}

/** Runs a command to its end. */
export function bulkhead(
  args: string[],
  options: { cwd: string; env: Record<string, string> },
): Promise<Ended> {
  return startBulkhead(args, options).ended
}
