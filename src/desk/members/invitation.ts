// The rules of an invitation: its lifetime, its token and its status.
import { createHash, randomBytes } from 'node:crypto'
import type { Invitation } from '../../generated/prisma/client.ts'

const LIFETIME_MS = 7 * 24 * 3_600_000
/** Otherwise inviting and revoking by turns would send many mails to somebody who wants none. */
export const PAUSE_AFTER_REVOCATION_MS = 3_600_000
const TOKEN_BYTES = 32
const TOKEN = /^[\w-]{43}$/

const INVITATION_STATES = ['PENDING', 'ACCEPTED', 'REVOKED', 'EXPIRED'] as const
export type InvitationState = (typeof INVITATION_STATES)[number]

/** EXPIRED is not stored: it follows from the time. */
export function stateOf(
  { status, expiresAt }: Pick<Invitation, 'status' | 'expiresAt'>,
  now: Date,
): InvitationState {
  return status === 'PENDING' && expiresAt <= now ? 'EXPIRED' : status
}

export function expiryFrom(now: Date): Date {
  return new Date(now.getTime() + LIFETIME_MS)
}

/** A new token, which only the mail contains, and its hash, which is stored: 256 random bits need no slow hash. */
export function newToken(): { readonly token: string; readonly hash: Uint8Array<ArrayBuffer> } {
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  return { token, hash: sha256(token) }
}

/** Null for text that is not a token. */
export function hashOfToken(token: string): Uint8Array<ArrayBuffer> | null {
  return TOKEN.test(token) ? sha256(token) : null
}

function sha256(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(text).digest())
}
