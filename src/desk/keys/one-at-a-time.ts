// Lets a tenant's keys be made and ended one after the other.
import type { Transaction } from '../../db/database.ts'

/** Until commit. */
export async function oneAtATime(tx: Transaction): Promise<void> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended('api_keys ' || app.tenant_id(), 0))`
}
