// The bounds of a grant of support access, and its status at a given time.
import type { SupportGrant } from '../../generated/prisma/client.ts'

export const HOUR_MS = 3_600_000
/** A week; longer access needs another grant. */
export const HOURS_MAX = 168
export const REASON_LENGTH_MAX = 500
/** One is usual; more than a person can oversee is a risk. */
export const IN_FORCE_MAX = 50

const STATUSES = ['ACTIVE', 'EXPIRED', 'REVOKED'] as const

export function statusOf(
  { revokedAt, expiresAt }: Pick<SupportGrant, 'revokedAt' | 'expiresAt'>,
  now: Date,
): (typeof STATUSES)[number] {
  if (revokedAt !== null) return 'REVOKED'
  return expiresAt <= now ? 'EXPIRED' : 'ACTIVE'
}
