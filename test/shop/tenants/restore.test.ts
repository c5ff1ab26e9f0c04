import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { columnRulesOf } from '../../../src/db/column-rules.ts'
import { openDatabase } from '../../../src/db/database.ts'
import { exportTenantFile } from '../../../src/desk/tenants/export-tenant-file.ts'
import { openTenantFile } from '../../../src/desk/tenants/read-tenant-file.ts'
import { type RestoredTenant, restoreTenant } from '../../../src/desk/tenants/restore-tenant.ts'
import { TRANSIENT_TABLES } from '../../../src/desk/tenants/tenant-rows.ts'
import { verifyTenant } from '../../../src/integrity/verify.ts'
import { providerRecords } from '../../../src/shop/integrity/provider-records.ts'
import {
  countsOf,
  type Installation,
  openInstallation,
  rowsOf,
  sealer,
  silent,
} from '../../desk/tenants/installation.ts'
import type { TestDatabase } from '../../support/database.ts'
import { rowChecks } from '../../support/integrity.ts'
import { servicesAt } from '../../support/services.ts'
import { addReversal, openDemo } from './demo.ts'

const NOW = new Date('2026-11-24T12:00:00Z')

let here: Installation
let elsewhere: Installation
let path: string
let lines: string[]
beforeAll(async () => {
  here = await openDemo()
  elsewhere = await openInstallation()
  await giveSecrets(here, 'acme')
  path = join(here.directory, 'acme.jsonl')
  await exportTenantFile(here.owner, 'acme', path, { now: NOW, sealer })
  lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
})
afterAll(async () => {
  await here?.close()
  await elsewhere?.close()
})

/** What the demo tenants have none of: a provider's account, a key, an invitation, a leave. */
async function giveSecrets({ owner, idOf }: Installation, slug: string): Promise<void> {
  await owner.inTenant(await idOf(slug), async (query) => {
    await query(
      `INSERT INTO payment_providers (id, kind, account_reference, account_name, live_mode, secret_key, webhook_secret, sealing_key_id)
       VALUES (gen_random_uuid(), 'STRIPE', 'acct_1', 'Acme', false, 'sealed-key', 'sealed-hook', 'k1')`,
    )
    await query(
      `INSERT INTO payments (id, order_id, provider_id, provider_kind, status, amount_minor, currency, method, failure_code, settled_at)
       SELECT gen_random_uuid(), o.id, p.id, p.kind, 'FAILED', 100, o.currency, 'pm_1', 'declined', now()
       FROM payment_providers p, orders o LIMIT 1`,
    )
    await query(
      `INSERT INTO api_keys (id, name, hint, hash, permissions, created_by)
       VALUES (gen_random_uuid(), 'till', 'abcd', sha256('the key of acme'), '{orders:read}', 'owner@acme.example')`,
    )
    await query(
      `INSERT INTO invitations (id, email, role, token_hash, invited_by, expires_at)
       VALUES (gen_random_uuid(), 'new@acme.example', 'STAFF', sha256('the token'), 'owner@acme.example', now() + interval '1 day')`,
    )
    await query(
      `INSERT INTO support_grants (id, access, reason, granted_by, expires_at)
       VALUES (gen_random_uuid(), 'READ', 'a look', 'owner@acme.example', now() + interval '1 day')`,
    )
  })
}

const restoreAs = (installation: Installation, slug: string, file = path): Promise<RestoredTenant> =>
  restoreTenant(installation.owner, () => openTenantFile(file), { slug, name: null, sealer })

describe('the file', () => {
  it('has its format in the first line and its totals in the last', async () => {
    const header = JSON.parse(lines[0] ?? '')
    expect(header).toMatchObject({
      format: 'bulkhead-tenant',
      version: 2,
      installation: expect.stringMatching(/^inst_[0-9a-z]{26}$/),
      key: sealer.keyId,
      tenant: { slug: 'acme', currency: 'USD' },
      createdAt: NOW.toISOString(),
    })
    expect(header.schema).toMatch(/^\d{14}_/)
    const { rows, total, sha256 } = JSON.parse(lines.at(-1) ?? '')
    expect(total).toBe(lines.length - 2)
    const body = lines.slice(0, -1).map((line) => `${line}\n`)
    expect(sha256).toBe(createHash('sha256').update(body.join('')).digest('hex'))
    const { audit_entries: entries, ...counted } = await countsOf(here.database, await here.idOf('acme'))
    const { audit_entries: exported, ...nonempty } = Object.fromEntries(
      Object.entries(rows as Record<string, number>).filter(([, count]) => count > 0),
    )
    expect(nonempty).toEqual(
      Object.fromEntries(
        Object.entries(counted).filter(
          ([table]) => !(table in TRANSIENT_TABLES) && !table.startsWith('app.'),
        ),
      ),
    )
    // The export's own entry came after.
    expect(exported).toBe((entries ?? 0) - 1)
  })

  it('has no secret, nothing of the tenant’s own id, and nothing of another tenant', async () => {
    const text = lines.join('\n')
    const digest = createHash('sha256').update('the key of acme').digest('hex')
    const sealedKey = Buffer.from('sealed-key').toString('hex')
    for (const secret of [digest, sealedKey, await here.idOf('acme'), await here.idOf('globex'), 'globex']) {
      expect(text).not.toContain(secret)
    }
  })

  it('is recorded in the tenant’s audit', async () => {
    const entries = await rowsOf(here.database, 'audit_entries', await here.idOf('acme'))
    expect(entries.filter(({ action }) => action === 'tenantExport')).toMatchObject([
      { actor_kind: 'SYSTEM', actor_label: 'command line', after: { rows: lines.length - 2 } },
    ])
  })

  it('is compressed where its name says so, and may have an entry before the one it reverses', async () => {
    await addReversal(here.database, await here.idOf('globex'))
    const compressed = join(here.directory, 'globex.jsonl.gz')
    await exportTenantFile(here.owner, 'globex', compressed, { now: NOW, sealer })
    expect(gunzipSync(await readFile(compressed)).toString()).toMatch(/^\{"format":"bulkhead-tenant"/)
    const restored = await restoreAs(elsewhere, 'globex', compressed)
    expect(restored.source.slug).toBe('globex')
  })

  it('does not exist when it could not be written', async () => {
    await expect(
      exportTenantFile(here.owner, 'acme', join(here.directory, 'none', 'a.jsonl'), { now: NOW, sealer }),
    ).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
    await expect(
      exportTenantFile(here.owner, 'nobody', join(here.directory, 'b.jsonl'), { now: NOW, sealer }),
    ).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect((await readdir(here.directory)).filter((name) => name.includes('part'))).toEqual([])
  })
})

describe('a restored tenant', () => {
  let restored: RestoredTenant
  beforeAll(async () => {
    restored = await restoreAs(elsewhere, 'acme-again')
  })

  it('has every row that was exported, with its id and its times', async () => {
    const source = await here.idOf('acme')
    const { rows } = JSON.parse(lines.at(-1) ?? '') as { rows: Record<string, number> }
    for (const table of Object.keys(rows)) {
      const without = new Set(Object.keys(columnRulesOf(table)))
      const plain = (row: Record<string, unknown>) =>
        Object.fromEntries(
          Object.entries(row)
            .filter(([column]) => !without.has(column))
            .map(([column, value]) => [column, value === source ? restored.id : value]),
        )
      // Each has one entry more, of the export and of the restoring.
      const isOurs = ({ action }: Record<string, unknown>) =>
        action !== 'tenantExport' && action !== 'tenantRestore'
      const before = (await rowsOf(here.database, table, source)).filter(isOurs).map(plain)
      const after = (await rowsOf(elsewhere.database, table, restored.id)).filter(isOurs).map(plain)
      expect([table, after.length]).toEqual([table, before.length])
      const sorted = (list: object[]) => list.map((row) => JSON.stringify(row)).sort()
      expect(sorted(after)).toEqual(sorted(before))
    }
  })

  it('is found by the same words, which the file does not have', async () => {
    const words = await rowsOf(here.database, 'search_words', await here.idOf('acme'))
    expect(words.length).toBeGreaterThan(0)
    expect(lines.some((line) => line.includes('search_words'))).toBe(false)
    expect(await rowsOf(elsewhere.database, 'search_words', restored.id)).toEqual(words)
  })

  it('passes every check of bulkhead verify, that of the provider’s books included', async () => {
    expect(await violationsOf(elsewhere.database, restored)).toEqual([])
  })

  it('has no working credentials: no key, invitation, support grant or payment account of the first one works', async () => {
    const [key] = await rowsOf(elsewhere.database, 'api_keys', restored.id)
    expect(key?.revoked_at).not.toBeNull()
    expect(key?.hash).not.toBe(`\\x${createHash('sha256').update('the key of acme').digest('hex')}`)
    expect(await rowsOf(elsewhere.database, 'invitations', restored.id)).toMatchObject([
      { status: 'REVOKED', token_hash: null },
    ])
    const [grant] = await rowsOf(elsewhere.database, 'support_grants', restored.id)
    expect(grant?.revoked_at).not.toBeNull()
    expect(await rowsOf(elsewhere.database, 'payment_providers', restored.id)).toMatchObject([
      { status: 'REPLACED', secret_key: '\\x', webhook_secret: '\\x' },
    ])
  })

  it('names its origin in its audit', async () => {
    const entries = await rowsOf(elsewhere.database, 'audit_entries', restored.id)
    expect(entries.filter(({ action }) => action === 'tenantRestore')).toMatchObject([
      { actor_kind: 'SYSTEM', after: { source: { slug: 'acme' }, rows: lines.length - 2 } },
    ])
  })

  it('admits its members, and continues selling', async () => {
    const database = openDatabase({
      url: elsewhere.database.runtimeUrl,
      poolMax: 2,
      namedStatements: true,
      logger: silent,
    })
    try {
      expect(await database.resolveMember('acme-again', 'owner@acme.example')).toMatchObject({
        tenantId: restored.id,
        role: 'OWNER',
      })
      const number = await database.withTenant(
        { tenantId: restored.id, writes: '*' },
        (tx) => tx.$queryRaw<{ value: number }[]>`SELECT value FROM tenant_counters WHERE name = 'order'`,
      )
      expect(Number(number[0]?.value)).toBe(3_000)
    } finally {
      await database.close()
    }
  })

  it('cross-tenant: can exist next to the first one, without affecting it', async () => {
    const source = await here.idOf('acme')
    const before = await countsOf(here.database, source)
    const twin = await restoreAs(here, 'acme-twin')
    expect(await countsOf(here.database, source)).toEqual(before)
    expect(await violationsOf(here.database, twin)).toEqual([])
    expect(await violationsOf(here.database, { id: source, slug: 'acme' }, false)).toEqual([])
  })
})

async function violationsOf(
  { runtimeUrl }: TestDatabase,
  { id, slug }: { id: string; slug: string },
  isRestored = true,
): Promise<unknown[]> {
  const database = openDatabase({ url: runtimeUrl, poolMax: 2, namedStatements: true, logger: silent })
  try {
    const tenant = { database, scope: { tenantId: id }, clock: systemClock, tenantSlug: slug }
    const outside = isRestored ? [providerRecords(tenant, servicesAt(null, () => null).payments)] : []
    const report = await verifyTenant(tenant, rowChecks(...outside), { remote: true })
    return report.checks.filter(({ ok }) => !ok)
  } finally {
    await database.close()
  }
}
