// The bounds of exports, and the name of their job.
export const EXPORT_TASK = 'tenant.export'
export const EXPORT_ATTEMPTS_MAX = 3
/** Per attempt; also how long a snapshot may keep the database from vacuuming. */
export const EXPORT_TIMEOUT_MS = 1_800_000
/** Longer than all attempts with their delays: an export that is still running then was lost. */
export const EXPORT_LOST_AFTER_MS = 3 * EXPORT_TIMEOUT_MS
/** How long a file can be downloaded. */
export const EXPORT_KEPT_MS = 7 * 86_400_000
/** The finished files of a tenant, as app.bound_exports enforces; a new one removes the oldest. */
export const EXPORTS_KEPT_MAX = 3
/** Per file, as exports_byte_count_check enforces. Platform staff export larger tenants to a disk. */
export const EXPORT_BYTES_MAX = 4_294_967_296
/** All files of a tenant: two of the largest. A file that is being made comes on top. */
export const EXPORTS_BYTES_MAX = 2 * EXPORT_BYTES_MAX
/** Listed exports: older ones, whose files are removed, are deleted. The audit keeps them all. */
export const EXPORTS_LISTED_MAX = 100
