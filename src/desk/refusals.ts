// The desk's refusals that depend on the caller.
import { defineCallerDependent } from '../commands/outcome.ts'

defineCallerDependent(['EXPIRY_NOT_HELD', 'INVITATION_NOT_VALID', 'PERMISSION_NOT_HELD', 'ROLE_TOO_HIGH'])
