// Two tenants with audit entries of any past time, written as the owner role, and their sealing.

import type { CommandContext } from '../../../src/auth/command-context.ts'
import { systemContext } from '../../../src/auth/system-context.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { newId } from '../../../src/core/ids.ts'
import { createLogger, type Logger } from '../../../src/core/logger.ts'
import { createSealer, type Sealer } from '../../../src/core/seal.ts'
import { type Database, openDatabase } from '../../../src/db/database.ts'
import { connectOwner, type OwnerConnection, type OwnerQuery } from '../../../src/db/owner.ts'
import { auditChain } from '../../../src/desk/audit/chain-check.ts'
import { sealEntries } from '../../../src/desk/audit/seal-entries.ts'
import { createTenant } from '../../../src/desk/tenants/tenant-directory.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

const POOL_MAX = 4
export const sealer = createSealer({ current: Buffer.alloc(32, 'one') })

export interface Audited {
  testDatabase: TestDatabase
  database: Database
  owner: OwnerConnection
  /** A new tenant, whose audit has the entry of its creation, ten minutes ago. */
  open(): Promise<string>
  /** Entries recorded so many minutes ago, a microsecond apart; returns their ids. */
  write(tenantId: string, count: number, minutesAgo: number): Promise<string[]>
  caller(tenantId: string, logger?: Logger): CommandContext
  seal(tenantId: string, options?: { sealer?: Sealer; entriesMax?: number }): ReturnType<typeof sealEntries>
  /** The check's result: message and ids of each violation, sorted. */
  complaints(tenantId: string, by?: Sealer): Promise<string[]>
  close(): Promise<void>
}

export async function startAudited(): Promise<Audited> {
  const testDatabase = await createTestDatabase()
  const owner = await connectOwner(testDatabase.ownerUrl)
  const database = openDatabase({
    url: testDatabase.runtimeUrl,
    poolMax: POOL_MAX,
    namedStatements: true,
    logger: createLogger('silent'),
  })
  let opened = 0
  const caller = (tenantId: string, logger = createLogger('silent')) =>
    systemContext({
      tenant: { tenantId, tenantSlug: 'any', tenantStatus: 'ACTIVE' },
      database,
      clock: systemClock,
      logger,
      requestId: 'test',
    })
  return {
    testDatabase,
    database,
    owner,
    caller,
    async open() {
      opened += 1
      const slug = `tenant-${opened}`
      const tenantId = await createTenant(owner, {
        slug,
        name: slug,
        currency: 'USD',
        owner: { email: `owner@${slug}.example`, name: 'Owner' },
      })
      await owner.inTenant(tenantId, (query) =>
        query(`UPDATE audit_entries SET recorded_at = recorded_at - interval '10 minutes'`),
      )
      return tenantId
    },
    write: (tenantId, count, minutesAgo) =>
      owner.inTenant(tenantId, (query) => writeEntries(query, count, minutesAgo)),
    seal: (tenantId, { sealer: by = sealer, entriesMax } = {}) =>
      sealEntries(caller(tenantId), by, ...(entriesMax === undefined ? [] : [entriesMax])),
    async complaints(tenantId, by = sealer) {
      const tenant = { database, scope: { tenantId }, clock: systemClock, tenantSlug: 'any' }
      const { violations } = await auditChain(tenant, by).run()
      return violations
        .map(({ message, subjects }) => `${subjects.map(({ id }) => id).join(' ')}: ${message}`)
        .sort()
    },
    async close() {
      await database.close()
      await owner.end()
      await testDatabase.drop()
    },
  }
}

async function writeEntries(query: OwnerQuery, count: number, minutesAgo: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => newId())
  await query(
    `INSERT INTO audit_entries (id, actor_kind, action, subject_type, subject_id, after, request_id, recorded_at)
     SELECT a.id, 'SYSTEM', 'somethingDo', 'Thing', a.id, '{"text": "as it was"}', 'request',
       now() - make_interval(mins => $2) + (a.n || ' microseconds')::interval
     FROM unnest($1::uuid[]) WITH ORDINALITY AS a (id, n)`,
    [ids, minutesAgo],
  )
  return ids
}
