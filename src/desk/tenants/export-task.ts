// The bounds of an export, and the name of its job.
export const EXPORT_TASK = 'tenant.export'
export const EXPORT_ATTEMPTS_MAX = 3
/** For one attempt, and the longest that a snapshot keeps the database from cleaning up. */
export const EXPORT_TIMEOUT_MS = 1_800_000
/** Longer than all attempts with their delays: what is still under way then was lost. */
export const EXPORT_LOST_AFTER_MS = 3 * EXPORT_TIMEOUT_MS
/** How long its file is there to be downloaded. */
export const EXPORT_KEPT_MS = 7 * 86_400_000
/** So many finished files are kept of a tenant, as app.bound_exports holds: making another ends the oldest. */
export const EXPORTS_KEPT_MAX = 3
/** Of one file, as exports_byte_count_check holds. Larger tenants are exported by the platform, to its own disk. */
export const EXPORT_BYTES_MAX = 4_294_967_296
/** Of all files that are kept of a tenant: two of the largest. While one is made, its bytes come on top. */
export const EXPORTS_BYTES_MAX = 2 * EXPORT_BYTES_MAX
/** So many are listed: older ones, whose files are gone, are forgotten. The audit has them all. */
export const EXPORTS_LISTED_MAX = 100
