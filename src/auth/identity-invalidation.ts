// Whom a process knows for a moment without asking: told here when that has changed, so that it acts at once where the
// change was made. Other processes notice within the few seconds that they believe what they know.
import type { CommandContext } from './command-context.ts'

export type IdentityInvalidation = {
  /** Looks everybody of this tenant up anew at their next request: call it when a member, key or leave has changed. */
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
 * Does what changes who may do what, and has everybody of the tenant looked up anew. Also when it failed: a COMMIT whose
 * answer was lost may be done.
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
