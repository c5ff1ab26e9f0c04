// What an API key must be like, and whether it is still good: pure. Its text is core/api-key.ts's.
import { z } from 'zod'
import { PERMISSIONS } from '../../auth/permissions.ts'

/** Keys of one tenant that are good at a time: more are more than anybody keeps an eye on. */
export const ACTIVE_KEYS_MAX = 100
const NAME_LENGTH_MAX = 100

export const KEY_STATUSES = ['ACTIVE', 'EXPIRED', 'REVOKED'] as const
export type KeyStatus = (typeof KEY_STATUSES)[number]

type Ends = { readonly revokedAt: Date | null; readonly expiresAt: Date | null }

/** A key that was revoked stays so, whether it has expired since or not. */
export function statusOf({ revokedAt, expiresAt }: Ends, now: Date): KeyStatus {
  if (revokedAt !== null) return 'REVOKED'
  return expiresAt !== null && expiresAt <= now ? 'EXPIRED' : 'ACTIVE'
}

export function newKeySchema(now: Date) {
  return z.object({
    name: z
      .string()
      .trim()
      .min(1, 'a key needs a name')
      .max(NAME_LENGTH_MAX, `at most ${NAME_LENGTH_MAX} characters`),
    permissions: z
      .array(
        z.string().pipe(z.enum(PERMISSIONS, { error: 'there is no such permission: `roles` lists them' })),
      )
      .min(1, 'a key needs a permission')
      .max(PERMISSIONS.length, 'there are fewer permissions than these'),
    expiresAt: z
      .date()
      .refine((date) => date > now, 'this is past')
      .nullish(),
  })
}
