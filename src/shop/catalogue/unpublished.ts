// Who sees products that are not published, and their variants: drafts and archived products.
import type { Permission } from '../../auth/permissions.ts'

/** Anybody else with catalogue:read sees ACTIVE products and their variants alone. */
export const SEES_UNPUBLISHED: readonly Permission[] = ['unpublished:read', 'catalogue:write']
