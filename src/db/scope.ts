// The tenant that a piece of work runs for, and the private conduit that carries it from a handle to the pool.
// Nothing outside src/db reads the conduit: features hold a handle, never an ambient tenant.
import { AsyncLocalStorage } from 'node:async_hooks'

/** Whose rows a statement may see. Made from a verified identity, never from a request's arguments. */
export type Scope = { readonly tenantId: string }

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

type Frame = { readonly scope: Scope; readonly inTransaction: boolean }

const frames = new AsyncLocalStorage<Frame>()

/** Runs `work` with `scope` as the tenant of every statement it sends. Throws on a scope that names no tenant. */
export function enterScope<T>(
  scope: Scope,
  work: () => T,
  inTransaction = currentFrame()?.inTransaction ?? false,
): T {
  if (!UUID.test(scope.tenantId)) throw new Error('a scope needs the uuid of a tenant')
  return frames.run({ scope, inTransaction }, work)
}

export function currentFrame(): Frame | undefined {
  return frames.getStore()
}
