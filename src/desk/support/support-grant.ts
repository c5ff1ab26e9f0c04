// What a grant of support access may be, and how it stands at a moment.
import type { SupportGrant } from '../../generated/prisma/client.ts'

export const HOUR_MS = 3_600_000
/** A week: who needs longer asks again. */
export const HOURS_MAX = 168
export const REASON_LENGTH_MAX = 500
/** One is usual; more than anybody surveys is an open door. */
export const IN_FORCE_MAX = 50

export const STATUSES = ['ACTIVE', 'EXPIRED', 'REVOKED'] as const

export function statusOf(
  { revokedAt, expiresAt }: Pick<SupportGrant, 'revokedAt' | 'expiresAt'>,
  now: Date,
): (typeof STATUSES)[number] {
  if (revokedAt !== null) return 'REVOKED'
  return expiresAt <= now ? 'EXPIRED' : 'ACTIVE'
}
