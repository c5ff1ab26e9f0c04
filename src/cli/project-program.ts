// Runs a program of this project's own packages, for commands that write code.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** `node` is this process's own. Throws with the program's output. */
export function runProgram(program: string, ...args: readonly string[]): void {
  const command = program === 'node' ? process.execPath : join(ROOT, 'node_modules/.bin', program)
  execFileSync(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
}
