// A merchant's own actions through the API: its name, its exports, its erasure.
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signDevelopmentToken } from '../../../src/auth/development-token.ts'
import { systemContext } from '../../../src/auth/system-context.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { encodeId, newId, uuidOf } from '../../../src/core/ids.ts'
import { connectOwner } from '../../../src/db/owner.ts'
import { cleanExportsTask } from '../../../src/desk/tenants/clean-exports.ts'
import { EXPORT_BYTES_MAX } from '../../../src/desk/tenants/export-task.ts'
import { exportTask } from '../../../src/desk/tenants/make-export.ts'
import { restoreTenant } from '../../../src/desk/tenants/restore-tenant.ts'
import { findTenant, setTenantStatus } from '../../../src/desk/tenants/tenant-directory.ts'
import { orderErasure } from '../../../src/desk/tenants/tenant-erasure.ts'
import { startWorker } from '../../../src/jobs/worker.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { type Api, emailOf, startApi, type TenantKey } from '../../support/api.ts'
import { asOwner, asRuntime } from '../../support/database.ts'
import { makeExport } from '../../support/make-export.ts'
import { newMember } from '../../support/people.ts'
import { openInstallation, silent } from './installation.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
  await newMember(api, 'A')
})
afterAll(() => api?.close())

const SLUGS = { A: 'anchor', B: 'bollard' } as const
const CREATE =
  'mutation ($input: ExportCreateInput!) { exportCreate(input: $input) { export { id status url } userErrors { code } } }'
const SCHEDULE = `mutation ($input: TenantErasureScheduleInput!) { tenantErasureSchedule(input: $input) {
  tenant { erasureAt } userErrors { code field } } }`
const CANCEL = `mutation { tenantErasureCancel(input: {}) { tenant { erasureAt } userErrors { code } } }`
const UPDATE = `mutation ($input: TenantUpdateInput!) { tenantUpdate(input: $input) {
  tenant { name version } userErrors { code field message } } }`

async function create(tenant: TenantKey): Promise<string> {
  const { exportCreate } = await api.as(tenant).data(CREATE, { input: {} })
  expect(exportCreate.userErrors).toEqual([])
  return exportCreate.export.id
}

/** Runs the waiting jobs on a worker, until no export is running. */
async function runExports(tenant: TenantKey): Promise<void> {
  const running = await startWorker({
    url: api.database.workerUrl,
    database: api.opened,
    tasks: [exportTask(api.services.sealer), cleanExportsTask],
    schedule: [],
    clock: systemClock,
    logger: silent,
    concurrency: 1,
    metrics: createMetrics(api.opened),
  })
  const underWay = () =>
    asOwner(api.database, api.tenantIds[tenant], async (owner) => {
      const { rowCount } = await owner.query(`SELECT FROM exports WHERE status IN ('PENDING', 'RUNNING')`)
      return rowCount
    })
  await expect.poll(underWay, { timeout: 20_000, interval: 20 }).toBe(0)
  await running.stop()
}

async function worker(tenant: TenantKey) {
  const address = await api.opened.resolveTenant({ id: api.tenantIds[tenant] })
  if (address === null) throw new Error('the tenant is gone')
  return systemContext({
    tenant: address,
    database: api.opened,
    clock: systemClock,
    logger: silent,
    requestId: 'job:1',
  })
}

function download(tenant: TenantKey, path: string, role: 'OWNER' | 'ADMIN' = 'OWNER'): Promise<Response> {
  const token = signDevelopmentToken({
    secret: Buffer.alloc(32, 'test'),
    tenant: SLUGS[tenant],
    email: emailOf(tenant, role),
    expiresInSeconds: 600,
    clock: systemClock,
  })
  return fetch(`${api.url}${path}`, { headers: { authorization: `Bearer ${token}` } })
}

async function actionsOf(tenant: TenantKey): Promise<string[]> {
  return await asOwner(api.database, api.tenantIds[tenant], async (owner) => {
    const { rows } = await owner.query('SELECT action FROM audit_entries ORDER BY recorded_at, id')
    return rows.map(({ action }) => action)
  })
}

describe('an export', () => {
  let id: string
  it('is requested, made by a job, and then has a download path', async () => {
    id = await create('A')
    expect(await create('A')).toBe(id)
    const { exports: before } = await api.as('A').data('{ exports { nodes { id status url rowCount } } }')
    expect(before.nodes).toEqual([{ id, status: 'PENDING', url: null, rowCount: 0 }])
    await runExports('A')
    const { node } = await api
      .as('A')
      .data(
        'query ($id: ID!) { node(id: $id) { ... on Export { status url byteCount sha256 requestedBy } } }',
        { id },
      )
    expect(node).toMatchObject({
      status: 'COMPLETED',
      url: `/exports/${id}`,
      requestedBy: emailOf('A', 'OWNER'),
    })
  })

  it('is downloaded as a file that matches its checksum, and that makes a tenant elsewhere', async () => {
    const { node } = await api
      .as('A')
      .data('query ($id: ID!) { node(id: $id) { ... on Export { byteCount sha256 rowCount } } }', { id })
    const response = await download('A', `/exports/${id}`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-disposition')).toMatch(
      /^attachment; filename="anchor-[\d-]+\.jsonl\.gz"$/,
    )
    const bytes = Buffer.from(await response.arrayBuffer())
    expect(String(bytes.length)).toBe(node.byteCount)
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(node.sha256)
    const text = gunzipSync(bytes).toString()
    expect(JSON.parse(text.trimEnd().split('\n').at(-1) ?? '').total).toBe(node.rowCount)
    const elsewhere = await openInstallation()
    try {
      const open = async () =>
        (async function* () {
          yield gunzipSync(bytes)
        })()
      const restored = await restoreTenant(elsewhere.owner, open, {
        slug: 'anchor',
        name: null,
        sealer: api.services.sealer,
      })
      expect(restored.rows).toBe(node.rowCount)
    } finally {
      await elsewhere.close()
    }
    expect(await actionsOf('A')).toEqual(
      expect.arrayContaining(['exportCreate', 'exportComplete', 'exportDownload']),
    )
  })

  it('is a consistent snapshot, though entries are written while it is made', async () => {
    const second = await create('A')
    const caller = await worker('A')
    const making = runExports('A')
    const entry = { actor_kind: 'SYSTEM', action: 'meanwhile' }
    for (let count = 0; count < 20; count += 1) {
      await caller.database.withTenant(caller.scope, (tx) =>
        tx.auditEntry.create({
          data: {
            actorKind: entry.actor_kind as 'SYSTEM',
            action: entry.action,
            subjectType: 'Order',
            subjectId: newId(),
            requestId: 'r',
          },
        }),
      )
      await sleep(1)
    }
    await making
    const bytes = Buffer.from(await (await download('A', `/exports/${second}`)).arrayBuffer())
    const lines = gunzipSync(bytes).toString().trimEnd().split('\n')
    expect(JSON.parse(lines.at(-1) ?? '').total).toBe(lines.length - 2)
  })

  it('cross-tenant and error: without the permission it gets the answer of an absent one', async () => {
    const absent = encodeId('exp', newId())
    const answers = await Promise.all(
      [`/exports/${id}`, `/exports/${absent}`, '/exports/nonsense'].map((path) => download('B', path)),
    )
    const told = await Promise.all(
      answers.map(async (answer) => {
        const { errors } = (await answer.json()) as { errors: [{ message: string }] }
        return [answer.status, errors[0].message]
      }),
    )
    expect(told).toEqual(answers.map(() => [404, 'there is no such export to download']))
    expect((await download('A', `/exports/${id}`, 'ADMIN')).status).toBe(403)
    expect((await fetch(`${api.url}/exports/${id}`)).status).toBe(401)
    const { errors } = await api.as('A', 'ADMIN').send('{ exports { totalCount } }')
    expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission: 'tenant:manage' } }])
    const { errors: refused } = await api.as('A', 'ADMIN').send(CREATE, { input: {} })
    expect(refused).toMatchObject([{ code: 'FORBIDDEN' }])
  })

  it('after a crash is started again by the next attempt', async () => {
    const third = await create('B')
    await asOwner(api.database, api.tenantIds.B, async (owner) => {
      await owner.query(`UPDATE exports SET status = 'RUNNING' WHERE status = 'PENDING'`)
      await owner.query(
        `INSERT INTO export_chunks (id, export_id, position, content) SELECT gen_random_uuid(), id, 0, 'half' FROM exports`,
      )
    })
    await runExports('B')
    const bytes = Buffer.from(await (await download('B', `/exports/${third}`)).arrayBuffer())
    expect(gunzipSync(bytes).toString()).toMatch(/^\{"format":"bulkhead-tenant"/)
    expect(gunzipSync(bytes).toString()).not.toContain('anchor')
  })

  it('is removed when it expires, and a lost one makes room for another', async () => {
    await asOwner(api.database, api.tenantIds.A, (owner) =>
      owner.query(`UPDATE exports SET expires_at = now() - interval '1 second'`),
    )
    expect((await download('A', `/exports/${id}`)).status).toBe(404)
    const lost = await create('A')
    await asOwner(api.database, api.tenantIds.A, (owner) =>
      owner.query(`UPDATE exports SET created_at = now() - interval '1 day' WHERE status = 'PENDING'`),
    )
    await cleanExportsTask.run(await worker('A'), {})
    const left = await asOwner(api.database, api.tenantIds.A, (owner) =>
      owner.query('SELECT FROM export_chunks'),
    )
    expect(left.rowCount).toBe(0)
    expect(await create('A')).not.toBe(lost)
  })
})

describe('how much is kept of exports', () => {
  const listed = async (tenant: TenantKey): Promise<{ id: string; status: string; url: string | null }[]> =>
    (await api.as(tenant).data('{ exports(first: 50) { nodes { id status url } } }')).exports.nodes
  const chunks = (tenant: TenantKey) =>
    asOwner(api.database, api.tenantIds[tenant], async (owner) => {
      const { rows } = await owner.query('SELECT DISTINCT export_id AS id FROM export_chunks')
      return rows.map(({ id }) => encodeId('exp', id)).sort()
    })
  let made: string[]

  it('the last three files: another one removes the oldest with its bytes', async () => {
    made = []
    for (let count = 0; count < 5; count += 1) made.push(await makeExport(api, 'B'))
    const nodes = await listed('B')
    const completed = nodes.filter(({ status }) => status === 'COMPLETED').map(({ id }) => id)
    expect(completed.sort()).toEqual(made.slice(-3).sort())
    expect(await chunks('B')).toEqual(completed.sort())
    for (const id of made.slice(0, 2)) {
      expect(nodes.find((node) => node.id === id)).toMatchObject({ status: 'EXPIRED', url: null })
      expect((await download('B', `/exports/${id}`)).status).toBe(404)
    }
    expect((await download('B', `/exports/${made.at(-1)}`)).status).toBe(200)
  })

  it('the database enforces it', async () => {
    const asB = (sql: string) =>
      asRuntime(api.database, api.tenantIds.B, async (client) => {
        await client.query(sql)
        await client.query('SET CONSTRAINTS ALL IMMEDIATE')
      })
    await expect(asB(`UPDATE exports SET status = 'COMPLETED'`)).rejects.toMatchObject({ code: 'BK030' })
    await expect(asB('UPDATE exports SET byte_count = 4294967297')).rejects.toMatchObject({ code: '23514' })
  })

  it('a file that is too large fails, says so, and leaves nothing', async () => {
    const before = await chunks('B')
    const id = await create('B')
    const task = exportTask(api.services.sealer, 100)
    await task.run(await worker('B'), { exportId: uuidOf('exp', id) })
    const query = 'query ($id: ID!) { node(id: $id) { ... on Export { status failure url } } }'
    const { node } = await api.as('B').data(query, { id })
    expect(node).toEqual({ status: 'FAILED', failure: expect.stringMatching(/too large/), url: null })
    expect(await chunks('B')).toEqual(before)
  })

  it('older ones make room for large ones', async () => {
    await asOwner(api.database, api.tenantIds.B, (owner) =>
      owner.query(`UPDATE exports SET byte_count = ${EXPORT_BYTES_MAX} WHERE status = 'COMPLETED'`),
    )
    const latest = await makeExport(api, 'B')
    const kept = (await listed('B')).filter(({ status }) => status === 'COMPLETED')
    // The new one, and of those of 4 GiB the one that fits within 8 GiB with it.
    expect(kept.map(({ id }) => id)).toEqual([latest, made.at(-1)])
  })

  it('rows of exports without a file are deleted beyond the last hundred', async () => {
    await asOwner(api.database, api.tenantIds.B, (owner) =>
      owner.query(
        `INSERT INTO exports (id, status, requested_by, created_at)
         SELECT gen_random_uuid(), 'FAILED', 'owner', now() - interval '1 day' FROM generate_series(1, 300)`,
      ),
    )
    await cleanExportsTask.run(await worker('B'), {})
    const left = await asOwner(api.database, api.tenantIds.B, async (owner) => {
      const { rows } = await owner.query(
        'SELECT status::text, count(*)::int AS count FROM exports GROUP BY 1',
      )
      return Object.fromEntries(rows.map(({ status, count }) => [status, count]))
    })
    expect((left.FAILED ?? 0) + (left.EXPIRED ?? 0)).toBe(100)
    expect(left.COMPLETED).toBe(2)
  })

  it('cross-tenant: leaves another tenant’s as they are', async () => {
    const before = await listed('A')
    await makeExport(api, 'B')
    expect(await listed('A')).toEqual(before)
  })
})

describe('tenantUpdate', () => {
  const update = (tenant: TenantKey, input: object, role: 'OWNER' | 'ADMIN' = 'OWNER') =>
    api.as(tenant, role).send(UPDATE, { input })

  it('renames the merchant, once for each version', async () => {
    const { data } = await update('A', { expectedVersion: 1, name: '  Anchor Stores ' })
    expect(data.tenantUpdate).toEqual({ tenant: { name: 'Anchor Stores', version: 2 }, userErrors: [] })
    const late = (await update('A', { expectedVersion: 1, name: 'Other' })).data.tenantUpdate
    expect(late.tenant).toEqual({ name: 'Anchor Stores', version: 2 })
    expect(
      late.userErrors.map(({ code, field }: { code: string; field: string[] }) => [code, field]),
    ).toEqual([
      ['CONFLICT', ['expectedVersion']],
      ['CONFLICT', ['name']],
    ])
    expect((await actionsOf('A')).filter((action) => action === 'tenantUpdate')).toHaveLength(1)
  })

  it('refuses an invalid name, and callers who are not owners', async () => {
    const { data } = await update('A', { expectedVersion: 2, name: ' ' })
    expect(data.tenantUpdate.userErrors).toMatchObject([{ code: 'REQUIRED', field: ['name'] }])
    const { errors } = await update('A', { expectedVersion: 2, name: 'X' }, 'ADMIN')
    expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission: 'tenant:manage' } }])
  })

  it('sets the time zone and the language, and refuses what is neither', async () => {
    const region = async (tenant: TenantKey) =>
      (await api.as(tenant, 'VIEWER').data('{ viewer { tenant { version timeZone locale } } }')).viewer.tenant
    const { version, ...before } = await region('A')
    expect(before).toEqual({ timeZone: 'UTC', locale: 'en' })
    const refused = await update('A', { expectedVersion: version, timeZone: '+01:00', locale: 'de_AT' })
    expect(refused.data.tenantUpdate.userErrors).toMatchObject([
      { field: ['timeZone'] },
      { field: ['locale'] },
    ])
    expect(await region('A')).toEqual({ version, ...before })
    await update('A', { expectedVersion: version, timeZone: 'Europe/Vienna', locale: 'de-at' })
    expect(await region('A')).toEqual({ version: version + 1, timeZone: 'Europe/Vienna', locale: 'de-AT' })
    expect(await region('B')).toMatchObject(before)
  })

  it('stores no time zone that PostgreSQL does not know', async () => {
    const set = (zone: string) =>
      asOwner(api.database, api.tenantIds.B, (owner) =>
        owner.query('UPDATE tenants SET time_zone = $1', [zone]),
      )
    await expect(set('Europe/Atlantis')).rejects.toMatchObject({ constraint: 'tenants_time_zone_check' })
  })

  it('cross-tenant: changes only the caller’s own', async () => {
    await update('B', { expectedVersion: 1, name: 'Bollard Stores' })
    const { viewer } = await api.as('A').data('{ viewer { tenant { name } } }')
    expect(viewer.tenant.name).toBe('Anchor Stores')
  })
})

describe('a merchant’s own erasure', () => {
  const schedule = async (tenant: TenantKey, input: object) =>
    (await api.as(tenant).data(SCHEDULE, { input })).tenantErasureSchedule

  it('needs the slug as confirmation and some days, and keeps serving until then', async () => {
    const wrong = await schedule('A', { confirmation: 'bollard' })
    expect(wrong.userErrors).toEqual([{ code: 'CONFIRMATION_WRONG', field: ['confirmation'] }])
    const soon = await schedule('A', { confirmation: 'anchor', graceDays: 1 })
    expect(soon.userErrors).toEqual([{ code: 'OUT_OF_RANGE', field: ['graceDays'] }])
    const { tenant, userErrors } = await schedule('A', { confirmation: 'anchor' })
    expect(userErrors).toEqual([])
    expect(Math.round((Date.parse(tenant.erasureAt) - Date.now()) / 86_400_000)).toBe(30)
    const { viewer } = await api.as('A').data('{ viewer { tenant { slug erasureAt } } }')
    expect(viewer.tenant).toEqual({ slug: 'anchor', erasureAt: tenant.erasureAt })
  })

  it('can be cancelled by the owner until it begins', async () => {
    const { errors } = await api.as('A', 'ADMIN').send(CANCEL)
    expect(errors).toMatchObject([{ code: 'FORBIDDEN' }])
    for (let time = 0; time < 2; time += 1) {
      const { tenantErasureCancel } = await api.as('A').data(CANCEL)
      expect(tenantErasureCancel).toEqual({ tenant: { erasureAt: null }, userErrors: [] })
    }
    expect((await actionsOf('A')).filter((action) => action === 'tenantErasureCancel')).toHaveLength(1)
  })

  it('cross-tenant: does not affect the other; and a tenant cannot cancel an erasure by the platform', async () => {
    await schedule('B', { confirmation: 'bollard', graceDays: 7 })
    const owner = await connectOwner(api.database.ownerUrl)
    try {
      expect(await findTenant(owner, 'anchor')).toMatchObject({ eraseAt: null })
      expect(await findTenant(owner, 'bollard')).toMatchObject({ eraseRequestedBy: 'TENANT' })
      await orderErasure(owner, 'bollard', 30)
      await owner.query(`UPDATE app.tenant_directory SET status = 'ACTIVE' WHERE slug = 'bollard'`)
      const { tenantErasureCancel } = await api.as('B').data(CANCEL)
      expect(tenantErasureCancel.userErrors).toEqual([{ code: 'ORDERED_BY_PLATFORM' }])
      await setTenantStatus(owner, 'bollard', 'ACTIVE')
      expect(await findTenant(owner, 'bollard')).toMatchObject({ eraseAt: null })
    } finally {
      await owner.end()
    }
  })
})
