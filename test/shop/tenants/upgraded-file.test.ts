// A file that was made under an earlier schema is restored under the present one. The fixture was made by a release whose last
// migration is in its name; every migration since then has its rows to change.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { createSealer } from '../../../src/core/seal.ts'
import { openDatabase } from '../../../src/db/database.ts'
import { startEmbeddedServer } from '../../../src/db/embedded/embedded-server.ts'
import { fileMac } from '../../../src/desk/tenants/file-origin.ts'
import { openTenantFile } from '../../../src/desk/tenants/read-tenant-file.ts'
import { type RestoredTenant, restoreTenant } from '../../../src/desk/tenants/restore-tenant.ts'
import { fileUpgrade } from '../../../src/desk/tenants/upgrade-tenant-file.ts'
import { verifyTenant } from '../../../src/integrity/verify.ts'
import { type Installation, openInstallation, rowsOf, silent } from '../../desk/tenants/installation.ts'
import { servicesAt } from '../../support/services.ts'

const FILE = new URL('fixtures/north-20261201093417.jsonl.gz', import.meta.url).pathname
/** The installation that made the fixture. */
const sealer = createSealer({
  current: createHash('sha256').update('keys of the former installation').digest(),
})

let here: Installation
let header: Record<string, unknown>
/** Of the file: its rows by table. */
let exported: Map<string, Record<string, unknown>[]>
beforeAll(async () => {
  here = await openInstallation()
  // PostgreSQL runs as another user than root.
  await chmod(here.directory, 0o755)
  const [first = '', ...lines] = gunzipSync(await readFile(FILE))
    .toString()
    .trimEnd()
    .split('\n')
  header = JSON.parse(first)
  const rows = lines
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { table: string; row: Record<string, unknown> })
  exported = new Map(
    [...Map.groupBy(rows, ({ table }) => table)].map(([table, all]) => [table, all.map(({ row }) => row)]),
  )
})
afterAll(() => here?.close())

const upgrade = () => fileUpgrade({ dataDir: here.directory, sealer, clock: systemClock, logger: silent })
const left = () => join(here.directory, 'upgrading')

function restoreAs(slug: string, file = FILE, more = {}): Promise<RestoredTenant> {
  return restoreTenant(here.owner, () => openTenantFile(file), {
    slug,
    name: null,
    sealer,
    trust: true,
    upgrade: upgrade(),
    ...more,
  })
}

describe('a file of an earlier schema', () => {
  let restored: RestoredTenant
  beforeAll(async () => {
    restored = await restoreAs('north')
  })

  it('is restored, and its origin is that of the file itself', () => {
    expect(restored.source).toMatchObject({ slug: 'north', createdAt: header.createdAt, origin: 'OWN' })
    expect(restored.source.sha256).toMatch(/^ade61876/)
    expect(existsSync(left())).toBe(false)
  })

  /** Tables of which a later migration changed what is in a column, and those of credentials that end. */
  const CHANGED = ['refunds', 'api_keys', 'invitations', 'tenants', 'audit_entries']

  it('has every row, with what the migrations since then added', async () => {
    for (const [table, rows] of exported) {
      const present = await rowsOf(here.database, table, restored.id)
      const isAudit = table === 'audit_entries'
      expect(present, table).toHaveLength(rows.length + (isAudit ? 1 : 0))
      if (CHANGED.includes(table)) continue
      for (const { tenant_id: _own, ...row } of rows) {
        const kept = Object.fromEntries(
          Object.entries(row).filter(([column]) => column in (present[0] ?? {})),
        )
        expect(present, table).toContainEqual(expect.objectContaining(kept))
      }
    }
    const [tenant] = await rowsOf(here.database, 'tenants', restored.id)
    expect(tenant).toMatchObject({ name: 'North Shop', currency: 'SEK', time_zone: 'UTC', locale: 'en' })
  })

  it('ends the credentials of the original tenant, as every restore', async () => {
    const [key] = await rowsOf(here.database, 'api_keys', restored.id)
    const [invitation] = await rowsOf(here.database, 'invitations', restored.id)
    expect([key?.revoked_at, invitation?.status]).toEqual([expect.any(String), 'REVOKED'])
  })

  it('adds up, and its audit names the file', async () => {
    const database = openDatabase({
      url: here.database.runtimeUrl,
      poolMax: 2,
      namedStatements: true,
      logger: silent,
    })
    try {
      const tenant = { database, scope: { tenantId: restored.id }, clock: systemClock, tenantSlug: 'north' }
      const { ok, checks } = await verifyTenant(tenant, servicesAt(null, () => null).integrity, {
        remote: false,
        sinceDays: 1,
      })
      expect(checks.filter(({ violationCount }) => violationCount > 0)).toEqual([])
      expect(ok).toBe(true)
    } finally {
      await database.close()
    }
    const entries = await rowsOf(here.database, 'audit_entries', restored.id)
    expect(entries.filter(({ action }) => action === 'tenantRestore')).toMatchObject([
      { after: { source: { sha256: restored.source.sha256 } } },
    ])
    expect(entries.filter(({ action }) => action === 'tenantExport')).toEqual([])
  })
})

it('continues where a killed upgrade left its database running', async () => {
  const server = await startEmbeddedServer({ dataDir: left(), logger: silent, durable: false })
  process.kill(server.pid, 'SIGKILL')
  await server.exited
  await server.stop()
  expect(existsSync(left())).toBe(true)
  expect((await restoreAs('north-again')).rows).toBeGreaterThanOrEqual(55)
  expect(existsSync(left())).toBe(false)
})

it('is refused while another upgrade runs, which goes on', async () => {
  const other = await startEmbeddedServer({ dataDir: left(), logger: silent, durable: false })
  try {
    await expect(restoreAs('at-once')).rejects.toThrow(/lock|another|in use/i)
    expect(existsSync(join(left(), 'postgres', 'PG_VERSION'))).toBe(true)
  } finally {
    await other.stop()
  }
  expect((await restoreAs('afterwards')).rows).toBeGreaterThanOrEqual(55)
  expect(existsSync(left())).toBe(false)
})

describe('is refused, and leaves nothing', () => {
  async function refusalOf(schema: string, more = {}): Promise<string> {
    const [, ...lines] = gunzipSync(await readFile(FILE))
      .toString()
      .trimEnd()
      .split('\n')
    const signed = [JSON.stringify({ ...header, schema }), ...lines.slice(0, -1), ''].join('\n')
    const sha256 = createHash('sha256').update(signed).digest('hex')
    const trailer = { ...JSON.parse(lines.at(-1) ?? ''), sha256, mac: fileMac(sha256, sealer) }
    const path = join(here.directory, 'other.jsonl')
    await writeFile(path, `${signed}${JSON.stringify(trailer)}\n`)
    const error = await restoreAs('refused', path, more).catch((thrown: Error) => thrown)
    expect(existsSync(left())).toBe(false)
    expect(await here.owner.query("SELECT FROM app.tenant_directory WHERE slug = 'refused'")).toEqual([])
    return error instanceof Error ? error.message : 'it was restored'
  }

  it('a schema that this program has not had', async () => {
    expect(await refusalOf('20261201093418_of_somebody_else')).toMatch(/this release has no such migration/)
  })

  it('a later schema', async () => {
    expect(await refusalOf('20990101000000_later')).toMatch(
      /or a later one, if the file is of a later release/,
    )
  })

  it('rows that are not of the schema that it names', async () => {
    expect(await refusalOf('20261201040160_desk_erasure')).toMatch(/has rows of \w+, which no export has/)
  })

  it('an altered file, before anything is made of it', async () => {
    const upgraded: string[] = []
    const path = join(here.directory, 'altered.jsonl')
    const text = gunzipSync(await readFile(FILE)).toString()
    await writeFile(path, text.replace('North Shop', 'South Shop'))
    const run = async () => {
      upgraded.push('run')
      throw new Error('it was upgraded')
    }
    await expect(restoreAs('refused', path, { upgrade: { knows: async () => true, run } })).rejects.toThrow(
      /checksum/,
    )
    expect(upgraded).toEqual([])
  })
})
