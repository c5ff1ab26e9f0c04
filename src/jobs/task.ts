// The definition of a task: its name, how often it may fail, and its work, under the scope of the tenant that queued
// it.
import type { CommandContext } from '../auth/command-context.ts'
import type { JsonObject } from '../commands/outcome.ts'

/** A string in a job's payload. Throws a plain Error when it is missing: the job was queued by other code. */
export function textIn(payload: JsonObject, name: string): string {
  const value = payload[name]
  if (typeof value !== 'string') throw new Error(`a job's payload has no ${name}`)
  return value
}

export type Task = {
  readonly name: string
  /** After so many failures the job stays as a dead letter. */
  readonly attemptsMax: number
  readonly run: (caller: CommandContext, payload: JsonObject) => Promise<void>
}
