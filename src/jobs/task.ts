// What a job does: a name, how often it may fail, and the work itself, under the scope of the tenant that queued it.
import type { Caller } from '../commands/caller.ts'
import type { JsonObject } from '../commands/outcome.ts'

export type Task = {
  readonly name: string
  /** A job that failed so often stays as a dead letter. */
  readonly attemptsMax: number
  readonly run: (caller: Caller, payload: JsonObject) => Promise<void>
}
