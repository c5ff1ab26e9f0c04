// The tenant that a piece of work runs for, and the private conduit that carries it from a handle to the pool.
// Nothing outside src/db reads the conduit: features hold a handle, never an ambient tenant.
import { AsyncLocalStorage } from 'node:async_hooks'
import { isUuid } from '../core/ids.ts'

/** Whose rows a statement may see. Made from a verified identity, never from a request's arguments. */
export type Scope = {
  readonly tenantId: string
  /**
   * The permissions that write, as the database's second wall reads them: `orders:write,payments:take`; EVERYTHING for
   * the system's own work. Without it a statement may only read.
   */
  readonly writes?: string
  /** Who asks, in a word that is theirs alone within the tenant: one of them has a part of the tenant's connections. */
  readonly caller?: string
  /** Asked before anybody has shown a credential: in nobody's turns but those of all strangers together. */
  readonly isStrangers?: boolean
}

/** May write to any table of the tenant. */
export const EVERYTHING = '*'

/** A statement whose rows nobody reads. A `name` lets a connection keep it prepared; it stands for one text only. */
export type Statement = {
  readonly text: string
  readonly values: readonly (string | null)[]
  readonly name?: string
}

/** Statements of a transaction that cost no round trip of their own. An error in one is an error of the transaction. */
export type Around = {
  /** Sent ahead of the transaction's first statement; when it raises, that statement is not run. */
  readonly opening?: Statement
  /** Asked for when the work is done, and sent ahead of COMMIT. */
  readonly closing?: () => Statement | null
}

type Frame = { readonly scope: Scope; readonly transaction: Around | null }

const frames = new AsyncLocalStorage<Frame>()

/** Runs `work` with `scope` as the tenant of every statement it sends. Throws on a scope that names no tenant. */
export function enterScope<T>(
  scope: Scope,
  work: () => T,
  transaction: Around | null = currentFrame()?.transaction ?? null,
): T {
  if (!isUuid(scope.tenantId)) throw new Error('a scope needs the uuid of a tenant')
  return frames.run({ scope, transaction }, work)
}

export function currentFrame(): Frame | undefined {
  return frames.getStore()
}
