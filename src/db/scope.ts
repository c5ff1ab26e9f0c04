// The tenant of a piece of work, and the async context that passes it from a handle to the pool. Only src/db reads the
// context: features hold a handle.
import { AsyncLocalStorage } from 'node:async_hooks'
import { isUuid } from '../core/ids.ts'

/** Whose rows a statement may see. Made from a verified identity, never from a request's arguments. */
export type Scope = {
  readonly tenantId: string
  /**
   * The write permissions, in the form of the database's policies: `orders:write,payments:take`; EVERYTHING for the
   * system's own work. Default: read only.
   */
  readonly writes?: string
  /** Identifies the caller within the tenant: each caller may use a part of the tenant's connections. */
  readonly caller?: string
  /** For work before authentication: it shares the small lane of all unauthenticated work. */
  readonly isUnauthenticated?: boolean
}

/** May write to any table of the tenant. */
export const EVERYTHING = '*'

/** A statement of which at most one text is read. A `name` makes the connection prepare it; it must identify one text. */
export type Statement = {
  readonly text: string
  readonly values: readonly (string | null)[]
  readonly name?: string
  /**
   * Of a statement around a transaction: called when it was answered, with the first column of its first row, null when
   * there is none. The transaction may still fail, and be run again.
   */
  readonly receive?: (text: string | null) => void
}

/** A statement with values of more types: see `literalsOf`. */
export type ValuedStatement = {
  readonly text: string
  readonly values: readonly unknown[]
  readonly name?: string
}

/** Statements of a transaction that cost no round trip. An error in one is an error of the transaction. */
export type Around = {
  /** Sent before the transaction's first statement; when it raises, that statement is not run. */
  readonly opening?: Statement
  /** Called when the work is done, and sent before COMMIT. */
  readonly closing?: () => Statement | readonly Statement[] | null
}

type Frame = { readonly scope: Scope; readonly transaction: Around | null }

const frames = new AsyncLocalStorage<Frame>()

/** Runs `work` with `scope` as the tenant of every statement that it sends. Throws for a scope without a tenant. */
export function enterScope<T>(
  scope: Scope,
  work: () => T,
  transaction: Around | null = currentFrame()?.transaction ?? null,
): T {
  requireTenant(scope)
  return frames.run({ scope, transaction }, work)
}

/** Throws for a scope without a tenant. */
export function requireTenant({ tenantId }: Scope): void {
  if (!isUuid(tenantId)) throw new Error('a scope needs the uuid of a tenant')
}

export function currentFrame(): Frame | undefined {
  return frames.getStore()
}
