// The reasons for refusing a token: a closed list, each with the text that a client may see.
import { AppError } from '../core/errors.ts'

/** For logs and metrics; bounded, so that it may be a label. */
type RefusalReason = keyof typeof MESSAGES

const MESSAGES = {
  malformed: 'The token is malformed.',
  header: 'The token has a header that is not accepted.',
  type: 'The token is not an access token.',
  issuer: "The token's issuer is not trusted.",
  algorithm: "The token's algorithm is not accepted.",
  key: "The token's key is not known.",
  signature: "The token's signature is not valid.",
  claims: "The token's claims are missing or not valid.",
  audience: 'The token is meant for another audience.',
  expired: 'The token has expired.',
  'not-yet-valid': 'The token is not valid yet.',
  tenant: "The token's tenant claim is missing or not valid.",
} as const

/** The UNAUTHENTICATED error for a reason; the cause appears only in the logs. */
export function refused(reason: RefusalReason, cause?: unknown): AppError {
  return new AppError('UNAUTHENTICATED', MESSAGES[reason], { reason }, { cause })
}
