// The error codes of the desk's mutations.
import { defineErrorCodes } from '../commands/error-codes.ts'

defineErrorCodes({
  ALREADY_INVITED: 'An open invitation for this address exists: revoke it first.',
  ALREADY_MEMBER: 'A member has this address already.',
  CONFIRMATION_WRONG: 'The confirmation is not the slug of the tenant.',
  LAST_OWNER: 'A tenant keeps at least one owner.',
  MAIL_NOT_AVAILABLE: 'This server sends no mail.',
  NOT_PENDING: 'The invitation was accepted or revoked already.',
  ORDERED_BY_PLATFORM: 'The platform has ordered this erasure: only the platform can change it.',
  RECENTLY_REVOKED:
    'An invitation for this address was revoked a short time ago. `params`: `until`, when it may be invited again.',
  TOO_MANY_GRANTS: 'Too many support grants are in force: revoke one first. `params`: `max`.',
  TOO_MANY_INVITATIONS: 'Too many invitations are open, or were sent. `params`: `max`.',
  TOO_MANY_KEYS: 'Too many API keys are active: revoke one first. `params`: `max`.',
})

defineErrorCodes(
  {
    EXPIRY_NOT_HELD:
      'A key cannot make one that outlives it. `params`: `max`, when the caller’s own key expires.',
    INVITATION_NOT_VALID:
      'The invitation was used, revoked or sent to somebody else, it has expired, or its sender may no longer invite.',
    PERMISSION_NOT_HELD:
      'The caller lacks a permission that would be given or taken. `params`: `permissions`.',
    ROLE_TOO_HIGH: 'The role may do more than the caller. `params`: `role`.',
  },
  { dependOnCaller: true },
)
