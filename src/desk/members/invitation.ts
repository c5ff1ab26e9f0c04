// An invitation's rules: how long it is good, what its token is, and what it is called now.
import { createHash, randomBytes } from 'node:crypto'
import type { Invitation } from '../../generated/prisma/client.ts'

const LIFETIME_MS = 7 * 24 * 3_600_000
/** Inviting and revoking in turns would send mail after mail to somebody who wants none. */
export const PAUSE_AFTER_REVOCATION_MS = 3_600_000
const TOKEN_BYTES = 32
const TOKEN = /^[\w-]{43}$/

export const INVITATION_STATES = ['PENDING', 'ACCEPTED', 'REVOKED', 'EXPIRED'] as const
export type InvitationState = (typeof INVITATION_STATES)[number]

/** EXPIRED is not written anywhere: it comes by itself. */
export function stateOf(
  { status, expiresAt }: Pick<Invitation, 'status' | 'expiresAt'>,
  now: Date,
): InvitationState {
  return status === 'PENDING' && expiresAt <= now ? 'EXPIRED' : status
}

export function expiryFrom(now: Date): Date {
  return new Date(now.getTime() + LIFETIME_MS)
}

/** A new token, for the mail alone, and what is kept of it: 256 random bits need no slow hash. */
export function newToken(): { readonly token: string; readonly hash: Uint8Array<ArrayBuffer> } {
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  return { token, hash: sha256(token) }
}

/** Null for what cannot be a token. */
export function hashOfToken(token: string): Uint8Array<ArrayBuffer> | null {
  return TOKEN.test(token) ? sha256(token) : null
}

function sha256(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(text).digest())
}
