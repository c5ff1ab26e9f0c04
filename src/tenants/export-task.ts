// The bounds of an export, and the name of its job.
export const EXPORT_TASK = 'tenant.export'
export const EXPORT_ATTEMPTS_MAX = 3
/** For one attempt, and the longest that a snapshot keeps the database from cleaning up. */
export const EXPORT_TIMEOUT_MS = 1_800_000
/** Longer than all attempts with their delays: what is still under way then was lost. */
export const EXPORT_LOST_AFTER_MS = 3 * EXPORT_TIMEOUT_MS
/** How long its file is there to be downloaded. */
export const EXPORT_KEPT_MS = 7 * 86_400_000
