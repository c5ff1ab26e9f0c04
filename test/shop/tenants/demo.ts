// An installation with the demo tenants.
import { seedDemo } from '../../../src/shop/demo/seed.ts'
import { type Installation, openInstallation, silent } from '../../desk/tenants/installation.ts'
import { asSuperuser, type TestDatabase } from '../../support/database.ts'

export async function openDemo(options: { seed?: 'two-tenants' } = {}): Promise<Installation> {
  const installation = await openInstallation(options)
  await seedDemo({ ownerUrl: installation.database.ownerUrl, logger: silent })
  return installation
}

/** What the demo tenants have none of: an entry that reverses another. Its id comes first, as those of the clock do not. */
export async function addReversal(database: TestDatabase, tenantId: string): Promise<void> {
  await asSuperuser(database, async (client) => {
    await client.query(`SELECT set_config('app.tenant_id', $1, true)`, [tenantId])
    await client.query(`
      INSERT INTO journal_entries (id, kind, source_type, source_id, reverses_id, posting_count)
        SELECT '00000000-0000-7000-8000-000000000001', 'REVERSAL', 'Payment', gen_random_uuid()::text, e.id, e.posting_count
        FROM journal_entries e WHERE e.tenant_id = app.tenant_id() LIMIT 1;
      INSERT INTO postings (id, entry_id, position, account_id, currency, amount_minor, posted_at)
        SELECT gen_random_uuid(), r.id, p.position, p.account_id, p.currency, -p.amount_minor, r.posted_at
        FROM journal_entries r JOIN postings p ON p.entry_id = r.reverses_id AND p.tenant_id = r.tenant_id
        WHERE r.kind = 'REVERSAL' AND r.tenant_id = app.tenant_id()`)
  })
}
