// Serialises the creation and revocation of a tenant's keys.
import type { Transaction } from '../../db/database.ts'

/** Holds the lock until commit. */
export async function oneAtATime(tx: Transaction): Promise<void> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended('api_keys ' || app.tenant_id(), 0))`
}
