// Invalidates the identity cache, so that a change acts at once in this process. Other processes notice when their
// entries expire, within a few seconds.
import type { CommandContext } from './command-context.ts'

export type IdentityInvalidation = {
  /** Drops the tenant's cached identities: call it when a member, a key or a support grant has changed. */
  forget(tenantSlug: string): void
  onForget(listener: (tenantSlug: string) => void): void
}

export function createIdentityInvalidation(): IdentityInvalidation {
  const listeners: ((tenantSlug: string) => void)[] = []
  return {
    forget(tenantSlug) {
      for (const listener of listeners) listener(tenantSlug)
    },
    onForget(listener) {
      listeners.push(listener)
    },
  }
}

/**
 * Runs work that changes permissions, and invalidates the tenant's identities. Also on failure, since a COMMIT without
 * an answer may have happened.
 */
export async function changingPeople<T>(
  sessions: IdentityInvalidation,
  { tenantSlug }: CommandContext,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } finally {
    sessions.forget(tenantSlug)
  }
}
