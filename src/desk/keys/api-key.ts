// The validation rules of API keys, and their status. Pure; core/api-key.ts makes and parses the text of a key.
import { z } from 'zod'
import { PERMISSIONS } from '../../auth/permissions.ts'

/** Active keys per tenant: more cannot be overseen. */
export const ACTIVE_KEYS_MAX = 100
const NAME_LENGTH_MAX = 100

export const KEY_STATUSES = ['ACTIVE', 'EXPIRED', 'REVOKED'] as const
export type KeyStatus = (typeof KEY_STATUSES)[number]

type Ends = { readonly revokedAt: Date | null; readonly expiresAt: Date | null }

/** Revoked takes precedence over expired. */
export function statusOf({ revokedAt, expiresAt }: Ends, now: Date): KeyStatus {
  if (revokedAt !== null) return 'REVOKED'
  return expiresAt !== null && expiresAt <= now ? 'EXPIRED' : 'ACTIVE'
}

export function newKeySchema(now: Date) {
  return z.object({
    name: z.string().trim().min(1, 'a key needs a name').max(NAME_LENGTH_MAX),
    permissions: z
      .array(
        z.string().pipe(z.enum(PERMISSIONS, { error: 'there is no such permission: `roles` lists them' })),
      )
      .min(1, 'a key needs a permission')
      .max(PERMISSIONS.length, 'more permissions than there are'),
    expiresAt: z
      .date()
      .refine((date) => date > now, {
        error: 'must be in the future',
        params: { code: 'OUT_OF_RANGE', min: now.toISOString() },
      })
      .nullish(),
  })
}
