// The desk's lists obey the laws of paging (support/paging.ts).
import { afterAll, beforeAll } from 'vitest'
import { newId } from '../../src/core/ids.ts'
import { type Api, startApi, type TenantKey } from '../support/api.ts'
import { asOwner } from '../support/database.ts'
import { itPagesLists, type List, ordered } from '../support/paging.ts'
import { insertRow } from '../support/two-tenants.ts'

/** More than the default page size, so that an ignored page size is noticed. */
const ROWS = 43
/** The number of different values in a sorted column; the other rows are ties. */
const VALUES = 5

let api: Api
beforeAll(async () => {
  api = await startApi()
  await seedDesk('A')
  await seedDesk('B')
})
afterAll(() => api?.close())

async function seedDesk(tenant: TenantKey): Promise<void> {
  await asOwner(api.database, api.tenantIds[tenant], async (owner) => {
    for (let n = 0; n < ROWS; n += 1) {
      const created_at = new Date(Date.UTC(2026, 0, 1 + (n % VALUES), 12))
      const email = `${['delta', 'alpha', 'charlie'][n % 3]}${n}@desk.example`
      const later = new Date(Date.UTC(2999, 0, 1))
      await insertRow(owner, 'members', {
        id: newId(),
        email,
        name: `Member ${n}`,
        role: 'VIEWER',
        created_at,
      })
      await insertRow(owner, 'invitations', {
        id: newId(),
        email: `new-${email}`,
        role: 'VIEWER',
        invited_by: 'nobody',
        expires_at: later,
        created_at,
      })
      await insertRow(owner, 'audit_entries', {
        id: newId(),
        actor_kind: 'SYSTEM',
        action: 'test',
        subject_type: 'Test',
        subject_id: newId(),
        request_id: 'test',
        created_at,
      })
    }
  })
}

const LISTS: List[] = [
  { name: 'members', field: 'members($page)', prefix: 'mem', sql: ordered('members', 'email asc') },
  {
    name: 'invitations',
    field: 'invitations($page)',
    prefix: 'inv',
    sql: ordered('invitations', 'created_at desc'),
  },
  {
    name: 'audit entries',
    field: 'auditEntries($page)',
    prefix: 'aud',
    sql: ordered('audit_entries', 'created_at desc'),
  },
]

itPagesLists(LISTS, () => api)
