// Invalidates the identity cache: a change acts at once in the process that makes it, and in the others when the database
// tells of it. Where it tells nothing, they notice when their entries expire, within a few seconds.
import type { AccessFeed, Hearing } from '../db/access-feed.ts'
import type { CommandContext } from './command-context.ts'

export type IdentityInvalidation = {
  /** Drops the tenant's cached identities: call it when a member, a key or a support grant has changed. */
  forget(tenantId: string): void
  onForget(listener: (tenantId: string) => void): void
  /** From now on, changes that the feed tells are forgotten, too. */
  follow(feed: AccessFeed): void
  /** Until when all changes are known, also those of other processes; null: only this process's are. */
  hearing(): Hearing | null
}

export function createIdentityInvalidation(): IdentityInvalidation {
  const listeners: ((tenantId: string) => void)[] = []
  let followed: AccessFeed | null = null
  const forget = (tenantId: string): void => {
    for (const listener of listeners) listener(tenantId)
  }
  return {
    forget,
    onForget(listener) {
      listeners.push(listener)
    },
    follow(feed) {
      followed = feed
      feed.onChange(forget)
    },
    hearing: () => followed?.hearing() ?? null,
  }
}

/**
 * Runs work that changes permissions, and invalidates the tenant's identities. Also on failure, since a COMMIT without
 * an answer may have happened.
 */
export async function changingPeople<T>(
  sessions: IdentityInvalidation,
  { scope }: CommandContext,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } finally {
    sessions.forget(scope.tenantId)
  }
}
