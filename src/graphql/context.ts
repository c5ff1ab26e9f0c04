// The context of every resolver. `db` is the tenant's handle for reads; writes go through the caller's commands.
import type { CommandContext } from '../auth/command-context.ts'
import type { TenantClient } from '../db/register.ts'

/** The external services of use cases. Each module adds its own by declaration merging. */
// biome-ignore lint/suspicious/noEmptyInterface: modules add to it
export interface Services {}

export type Context = {
  readonly caller: CommandContext
  readonly db: TenantClient
  readonly services: Services
  /** The answer's `extensions` besides the cost; a resolver may add to it. */
  readonly extensions: Record<string, unknown>
  /**
   * The mutations of the operation that were executed before graphql-js began, by their names in the answer: it completes their
   * results, and runs the others.
   */
  readonly outcomes?: ReadonlyMap<string, MutationOutcome>
}

/** What a mutation returned or threw. */
export type MutationOutcome = { readonly result: unknown } | { readonly error: unknown }
