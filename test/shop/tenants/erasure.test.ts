import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EVERYTHING, openDatabase } from '../../../src/db/database.ts'
import { connectOwner, type OwnerConnection } from '../../../src/db/owner.ts'
import { openQueueConnection } from '../../../src/db/queue/queue-connection.ts'
import { createTenant, findTenant, setTenantStatus } from '../../../src/desk/tenants/tenant-directory.ts'
import {
  eraseNow,
  orderErasure,
  purgeExpired,
  retainedRecords,
} from '../../../src/desk/tenants/tenant-erasure.ts'
import { eraseDue, eraseDueEvery } from '../../../src/jobs/erase-due.ts'
import {
  countsOf,
  type Installation,
  rowsOf,
  silent,
  tablesOfTenants,
} from '../../desk/tenants/installation.ts'
import { asRuntime, asSuperuser } from '../../support/database.ts'
import { TENANT_A, TENANT_B } from '../../support/two-tenants.ts'
import { addReversal, openDemo } from './demo.ts'

let here: Installation
beforeAll(async () => {
  here = await openDemo({ seed: 'two-tenants' })
})
afterAll(() => here?.close())

/** Makes what a tenant asked for, and the moment's wait for requests under way, be over. */
async function passTime(slug: string): Promise<void> {
  await here.owner.query(
    `UPDATE app.tenant_directory SET erase_at = now() - interval '1 second',
       erasure_started_at = erasure_started_at - interval '1 minute' WHERE slug = $1`,
    [slug],
  )
}

async function addJob(tenantId: string): Promise<void> {
  await asSuperuser(here.database, async (client) => {
    await client.query(
      `SELECT set_config('app.tenant_id', $1, true), set_config('app.permissions', '*', true)`,
      [tenantId],
    )
    await client.query(`SELECT app.enqueue('integrity.check', '{}', 'integrity.check:now', NULL, 3)`)
  })
}

async function jobsOf(tenantId: string): Promise<number> {
  return await asSuperuser(here.database, async (client) => {
    const { rows } = await client.query(
      `SELECT count(*)::int AS count FROM graphile_worker._private_jobs WHERE payload ->> 'tenantId' = $1`,
      [tenantId],
    )
    return rows[0].count
  })
}

describe('the time to think again', () => {
  it('suspends at once, keeps every row, and ends by resuming', async () => {
    const id = await here.idOf('globex')
    const before = await countsOf(here.database, id)
    const ordered = await orderErasure(here.owner, 'globex', 30)
    expect(ordered).toMatchObject({ status: 'SUSPENDED', eraseRequestedBy: 'PLATFORM', isErasing: false })
    const inDays = ((ordered.eraseAt?.getTime() ?? 0) - Date.now()) / 86_400_000
    expect(Math.round(inDays)).toBe(30)
    const worker = openQueueConnection(here.database.workerUrl, silent)
    expect(await eraseDue(worker)).toBe(0)
    await worker.close()
    await expect(eraseNow(here.owner, ordered)).rejects.toMatchObject({ code: 'CONFLICT' })
    const resumed = await setTenantStatus(here.owner, 'globex', 'ACTIVE')
    expect(resumed).toMatchObject({ status: 'ACTIVE', eraseAt: null })
    const { audit_entries: entries, ...after } = await countsOf(here.database, id)
    const { audit_entries: entriesBefore, ...same } = before
    expect(after).toEqual(same)
    expect(entries).toBe((entriesBefore ?? 0) + 3)
    const audit = await rowsOf(here.database, 'audit_entries', id)
    expect(audit.filter(({ actor_label: by }) => by === 'command line').map(({ action }) => action)).toEqual(
      expect.arrayContaining(['tenantErase', 'tenantResume', 'tenantErasureCancel']),
    )
  })

  it('is at least seven days for a tenant’s own request, even if the server asks for less', async () => {
    const id = await here.idOf('globex')
    const schedule = (days: number | null, writes = EVERYTHING) =>
      asRuntime(
        here.database,
        id,
        async (client) => (await client.query('SELECT app.schedule_erasure($1) AS at', [days])).rows[0].at,
        writes,
      )
    await expect(schedule(0)).rejects.toMatchObject({ code: 'BK020' })
    await expect(schedule(6)).rejects.toMatchObject({ code: 'BK020' })
    await expect(schedule(30, 'members:manage')).rejects.toMatchObject({ code: 'BK004' })
    expect(await schedule(7)).toBeInstanceOf(Date)
    expect(await findTenant(here.owner, 'globex')).toMatchObject({
      status: 'ACTIVE',
      eraseRequestedBy: 'TENANT',
    })
    expect(await schedule(null)).toBeNull()
    expect(await findTenant(here.owner, 'globex')).toMatchObject({ eraseAt: null, eraseRequestedBy: null })
    await expect(
      asRuntime(here.database, id, (client) => client.query('UPDATE tenants SET erasure_at = now()')),
    ).rejects.toMatchObject({ code: '42501' })
  })

  it('what the platform has ordered, the tenant does not undo', async () => {
    await orderErasure(here.owner, 'globex', 30)
    const id = await here.idOf('globex')
    await expect(
      asRuntime(here.database, id, (client) => client.query('SELECT app.schedule_erasure(NULL)')),
    ).rejects.toMatchObject({ code: 'BK021' })
    await setTenantStatus(here.owner, 'globex', 'ACTIVE')
  })
})

describe('erasure', () => {
  let id: string
  let owed: Record<string, number>
  let paymentIds: unknown[]
  let jobsBefore: number
  beforeAll(async () => {
    id = await here.idOf('acme')
    await addReversal(here.database, id)
    await addJob(id)
    jobsBefore = await jobsOf(id)
    owed = await countsOf(here.database, id)
    paymentIds = (await rowsOf(here.database, 'payments', id)).map((row) => row.id)
  })

  it('after a crash continues where it stopped, and retains nothing twice', async () => {
    await orderErasure(here.owner, 'acme', 0)
    const crashing = await connectOwner(here.database.ownerUrl)
    expect(await step(crashing)).toBe('WAITING')
    // Requests that were under way may still write for a moment.
    expect(await step(crashing)).toBe('WAITING')
    await passTime('acme')
    for (let count = 0; count < 4; count += 1) expect(await step(crashing)).toBe('ERASING')
    await crashing.query('BEGIN')
    expect(await step(crashing)).toBe('ERASING')
    const [session] = await crashing.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    await asSuperuser(here.database, (client) =>
      client.query('SELECT pg_terminate_backend($1)', [session?.pid]),
    )
    await crashing.end().catch(() => {})
    const left = sumOf(await countsOf(here.database, id))
    expect(left).toBeGreaterThan(1_000)
    expect(left).toBeLessThan(sumOf(owed))
    await expect(setTenantStatus(here.owner, 'acme', 'ACTIVE')).rejects.toMatchObject({ code: 'CONFLICT' })

    const worker = openQueueConnection(here.database.workerUrl, silent)
    expect(await eraseDue(worker)).toBeGreaterThan(10)
    await worker.close()
    const [erased] = await here.owner.query<{ done: boolean; counts: Record<string, number> }>(
      `SELECT erased_at IS NOT NULL AS done, row_counts AS counts FROM app.erased_tenants WHERE tenant_id = $1`,
      [id],
    )
    expect(erased?.done).toBe(true)
    // Words that went with their rows, by the triggers, are not counted.
    const { 'app.person_directory': _people, audit_entries: entries, search_words: words, ...rows } = owed
    expect(erased?.counts).toEqual({
      ...rows,
      audit_entries: (entries ?? 0) + 1,
      search_words: expect.any(Number),
    })
    expect(words).toBeGreaterThan(0)
  })

  it('leaves no row in any table of the catalogue, no job, and no address', async () => {
    expect(jobsBefore).toBe(1)
    const {
      'app.erased_tenants': was,
      'app.retained_records': kept,
      ...left
    } = await countsOf(here.database, id)
    expect(left).toEqual({})
    expect([was, (kept ?? 0) > 10_000]).toEqual([1, true])
    expect(await jobsOf(id)).toBe(0)
    await expect(findTenant(here.owner, 'acme')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const everywhere = await asSuperuser(here.database, async (client) => {
      const { rows } = await client.query<{ name: string }>(
        `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
           AND c.oid::regclass::text <> ALL ('{app.erased_tenants,app.retained_records}')`,
      )
      const found: string[] = []
      for (const { name } of rows) {
        const hit = await client.query(`SELECT FROM ${name} t WHERE t::text LIKE '%' || $1 || '%' LIMIT 1`, [
          id,
        ])
        if (hit.rows.length > 0) found.push(name)
      }
      return found
    })
    expect(everywhere).toEqual([])
  })

  it('keeps the records that the law requires: the books’ numbers and dates, and no names or texts', async () => {
    const kinds: Record<string, number> = {}
    const columns = new Set<string>()
    const ids: string[] = []
    for await (const page of retainedRecords(here.owner, id)) {
      for (const { kind, id: recordId, content } of page) {
        kinds[kind] = (kinds[kind] ?? 0) + 1
        for (const column of Object.keys(content)) columns.add(`${kind}.${column}`)
        if (kind === 'payments') ids.push(recordId)
      }
    }
    for (const kind of ['orders', 'payments', 'refunds', 'ledger_accounts', 'journal_entries', 'postings']) {
      expect([kind, kinds[kind]]).toEqual([kind, owed[kind]])
    }
    expect(new Set(ids)).toEqual(new Set(paymentIds))
    expect(
      [...columns].filter((name) => /name|email|address|note|description|reason|token/.test(name)),
    ).toEqual(['ledger_accounts.name'])
  })

  it('cross-tenant: leaves the other tenant unchanged, and no server can read the retained records', async () => {
    const globex = await here.idOf('globex')
    expect((await countsOf(here.database, globex)).orders).toBe(3_000)
    for (const table of ['app.retained_records', 'app.erased_tenants']) {
      for (const tenant of [id, globex]) {
        await expect(
          asRuntime(here.database, tenant, (client) => client.query(`SELECT FROM ${table}`)),
        ).rejects.toMatchObject({ code: '42501' })
      }
    }
    await expect(
      asRuntime(here.database, globex, (client) => client.query('SELECT app.erase_due_tenants(1)')),
    ).rejects.toMatchObject({ code: '42501' })
    await expect(
      asRuntime(here.database, globex, (client) => client.query('SELECT app.erase_step($1, 1)', [globex])),
    ).rejects.toMatchObject({ code: '42501' })
  })

  it('sweeps up what a request that was under way wrote too late', async () => {
    await asRuntime(here.database, id, (client) =>
      client.query(
        `INSERT INTO audit_entries (id, actor_kind, action, subject_type, subject_id, request_id)
         VALUES (gen_random_uuid(), 'SYSTEM', 'late', 'Order', gen_random_uuid(), 'r')`,
      ),
    )
    const worker = openQueueConnection(here.database.workerUrl, silent)
    await eraseDue(worker)
    await worker.close()
    expect((await countsOf(here.database, id)).audit_entries).toBeUndefined()
  })

  it('lets go of what was kept when its time is over, and not before', async () => {
    expect(await purgeExpired(here.owner)).toBe(0)
    await here.owner.query(`UPDATE app.erased_tenants SET retain_until = now() - interval '1 day'`)
    expect(await purgeExpired(here.owner)).toBe(1)
    expect(await countsOf(here.database, id)).toEqual({})
  })

  async function step(owner: OwnerConnection): Promise<string | undefined> {
    const [row] = await owner.query<{ state: string }>('SELECT app.erase_step($1, 2000) AS state', [id])
    return row?.state
  }
})

describe('a tenant with rows in every table', () => {
  it('has them, is erased of them, and the other one keeps its own', async () => {
    const apart = ['app.erased_tenants', 'app.retained_records']
    const tables = (await tablesOfTenants(here.database)).filter((table) => !apart.includes(table))
    const other = await countsOf(here.database, TENANT_B.id)
    expect(Object.keys(await countsOf(here.database, TENANT_A.id)).sort()).toEqual(tables.sort())
    await orderErasure(here.owner, TENANT_A.slug, 0)
    await here.owner.query('SELECT app.erase_step($1, 1)', [TENANT_A.id])
    await passTime(TENANT_A.slug)
    const erased = await eraseNow(here.owner, TENANT_A)
    expect(erased).toMatchObject({ slug: TENANT_A.slug, requestedBy: 'PLATFORM' })
    expect(Object.keys(await countsOf(here.database, TENANT_A.id)).sort()).toEqual(apart)
    expect(await countsOf(here.database, TENANT_B.id)).toEqual(other)
  })

  it('goes by the clock too, with two workers at it, when the tenant itself has asked and the day has come', async () => {
    await asRuntime(here.database, TENANT_B.id, (client) => client.query('SELECT app.schedule_erasure(7)'))
    await passTime(TENANT_B.slug)
    const workers = [0, 1].map(() => openQueueConnection(here.database.workerUrl, silent))
    const stops = workers.map((worker) => eraseDueEvery(worker, silent, 50))
    const began = `SELECT FROM app.tenant_directory WHERE slug = $1 AND erasure_started_at IS NOT NULL`
    await expect
      .poll(async () => (await here.owner.query(began, [TENANT_B.slug])).length, { timeout: 10_000 })
      .toBe(1)
    await passTime(TENANT_B.slug)
    await expect
      .poll(async () => Object.keys(await countsOf(here.database, TENANT_B.id)).sort(), { timeout: 20_000 })
      .toEqual(['app.erased_tenants', 'app.retained_records'])
    for (const stop of stops) stop()
    await Promise.all(workers.map((worker) => worker.close()))
    const [erased] = await here.owner.query('SELECT * FROM app.erased_tenants WHERE tenant_id = $1', [
      TENANT_B.id,
    ])
    expect(erased).toMatchObject({ requested_by: 'TENANT' })
  })
})

function sumOf(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

describe('the address of an erased tenant', () => {
  const OWNER = { email: 'new@acme.example', name: 'New' }
  const create = (slug: string, reuseSlug = false) =>
    createTenant(here.owner, { slug, name: 'Acme', currency: 'USD', owner: OWNER, reuseSlug })

  it('cannot be reused: not by the command, nor in SQL, nor by renaming another tenant', async () => {
    await expect(create('acme')).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringMatching(/was the address of a tenant that was erased.*--reuse-slug/),
    })
    const { owner } = here
    const id = '0191b1f6-6280-7ac3-8e00-00000000cafe'
    const statements = [
      `SELECT app.create_tenant('${id}', 'acme', 'Acme', 'USD')`,
      `INSERT INTO app.tenant_directory (id, slug) VALUES ('${id}', 'acme')`,
      `UPDATE app.tenant_directory SET slug = 'acme' WHERE slug = 'globex'`,
    ]
    for (const statement of statements)
      await expect(owner.query(statement)).rejects.toMatchObject({ code: 'BK022' })
    await expect(create('globex')).rejects.toMatchObject({ message: 'there is already a tenant "globex"' })
  })

  it('stays so when what was kept of it is purged', async () => {
    await here.owner.query(
      `UPDATE app.erased_tenants SET retain_until = now() - interval '1 day' WHERE slug = 'acme'`,
    )
    await purgeExpired(here.owner)
    await expect(create('acme')).rejects.toMatchObject({ code: 'CONFLICT' })
  })

  it('refuses a token that still names it', async () => {
    const opened = openDatabase({
      url: here.database.runtimeUrl,
      poolMax: 2,
      namedStatements: true,
      logger: silent,
    })
    try {
      expect(await opened.resolveTenant({ slug: 'acme' })).toBeNull()
      expect(await opened.resolveMember('acme', 'owner@acme.example')).toBeNull()
    } finally {
      await opened.close()
    }
  })

  it('is taken by who says so outright, and is a tenant’s like any other then', async () => {
    const id = await create('acme', true)
    expect(await findTenant(here.owner, 'acme')).toMatchObject({ id, status: 'ACTIVE' })
    await expect(create('acme', true)).rejects.toMatchObject({ message: 'there is already a tenant "acme"' })
  })

  it('cross-tenant: a server can neither read nor free addresses', async () => {
    const globex = await here.idOf('globex')
    for (const statement of ['SELECT FROM app.used_slugs', 'DELETE FROM app.used_slugs'])
      await expect(
        asRuntime(here.database, globex, (client) => client.query(statement)),
      ).rejects.toMatchObject({
        code: '42501',
      })
  })
})
