// The platform's commands on a tenant's whole life, run on the demo tenants.
import { createHash } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Finding } from '../../../src/db/doctor/doctor.ts'
import { bulkhead, startBulkhead } from '../../cli/command-line.ts'
import { type Installation, openInstallation, rowsOf } from '../../desk/tenants/installation.ts'
import { asSuperuser } from '../../support/database.ts'
import { openDemo } from './demo.ts'

let directory: string
let here: Installation
let elsewhere: Installation
let file: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bulkhead-cli-tenant-'))
  await chmod(directory, 0o755)
  file = join(directory, 'acme.jsonl.gz')
  here = await openDemo()
  elsewhere = await openInstallation()
})
afterAll(async () => {
  await here?.close()
  await elsewhere?.close()
  await rm(directory, { recursive: true, force: true })
})

const settings = ({ database }: Installation) => ({
  cwd: directory,
  env: {
    NODE_ENV: 'development',
    DATA_DIR: join(directory, 'data'),
    DATABASE_URL: database.runtimeUrl,
    DATABASE_OWNER_URL: database.ownerUrl,
  },
})
const run = (on: Installation, ...args: string[]) => bulkhead(args, settings(on))
const tenant = (on: Installation, ...args: string[]) => run(on, 'tenant', ...args)

describe('looking', () => {
  it('tenant show prints a tenant, and its audit records that', async () => {
    const { code, stdout } = await tenant(here, 'show', 'acme', '--json')
    expect(code).toBe(0)
    const shown = JSON.parse(stdout)
    expect(shown).toMatchObject({ slug: 'acme', status: 'ACTIVE', currency: 'USD', eraseAt: null })
    expect(shown.members).toEqual({ OWNER: 1, ADMIN: 1, STAFF: 1, VIEWER: 1 })
    expect(shown.rows).toMatchObject({ orders: 3_000, customers: 500, products: 300 })
    expect((await tenant(here, 'show', 'acme')).stdout).toMatch(
      /^acme {2}ACTIVE {2}since .*\n.*USD {2}UTC {2}en\nmembers:\n/,
    )
    expect(await actionsOf('acme')).toContain('tenantShow')
  })

  it('tenant members lists its people', async () => {
    const { code, stdout } = await tenant(here, 'members', 'acme')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^owner@acme\.example {2}OWNER {2}ACTIVE/m)
    expect(stdout).not.toContain('globex')
    expect(await actionsOf('acme')).toContain('tenantMembersList')
  })

  it.each(['show', 'members', 'export', 'erase', 'suspend', 'resume'])(
    'tenant %s fails for a tenant that is not there',
    async (verb) => {
      const more = { export: ['--out', 'x.jsonl'], erase: ['--confirm', 'nowhere'] }[verb] ?? []
      const { code, stdout, stderr } = await tenant(here, verb, 'nowhere', ...more)
      expect([code, stdout, stderr]).toEqual([1, '', 'bulkhead: there is no tenant "nowhere"\n'])
    },
  )
})

describe('moving', () => {
  it('tenant export writes a file that only its owner can read, and restore makes a tenant of it that passes verify', async () => {
    const exported = await tenant(here, 'export', 'acme', '--out', file, '--json')
    expect([exported.code, exported.stderr]).toEqual([0, ''])
    const { total, sha256 } = JSON.parse(exported.stdout)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const restored = await tenant(
      elsewhere,
      'restore',
      file,
      '--slug',
      'acme-two',
      '--name',
      'Acme Two',
      '--json',
    )
    expect([restored.code, restored.stderr]).toEqual([0, ''])
    expect(JSON.parse(restored.stdout)).toMatchObject({
      slug: 'acme-two',
      rows: total,
      source: { slug: 'acme', sha256 },
    })
    expect(JSON.parse(restored.stdout).source).toMatchObject({ origin: 'OWN' })
    const verified = await run(elsewhere, 'verify', '--no-provider', '--json')
    expect(JSON.parse(verified.stdout)).toMatchObject({
      ok: true,
      tenants: [{ tenant: 'acme-two', ok: true }],
    })
    expect(verified.code).toBe(0)
    const shown = JSON.parse((await tenant(elsewhere, 'show', 'acme-two', '--json')).stdout)
    expect(shown).toMatchObject({ name: 'Acme Two', rows: { orders: 3_000 } })
  })

  it('tenant restore refuses an altered file, a missing one, and a used slug', async () => {
    const altered = join(directory, 'altered.gz')
    await writeFile(altered, (await readFile(file)).subarray(0, 100_000))
    const cut = await tenant(elsewhere, 'restore', altered, '--slug', 'cut')
    expect([cut.code, cut.stdout]).toEqual([1, ''])
    expect(cut.stderr).toMatch(
      /^bulkhead: this is not the whole file of a tenant: .*; nothing was restored\n$/,
    )
    const absent = await tenant(elsewhere, 'restore', join(directory, 'none'), '--slug', 'cut')
    expect(absent.stderr).toMatch(/^bulkhead: .*none cannot be read\n$/)
    const taken = await tenant(elsewhere, 'restore', file, '--slug', 'acme-two')
    expect(taken.stderr).toBe('bulkhead: there is already a tenant "acme-two"\n')
    const { tenants } = JSON.parse((await tenant(elsewhere, 'list', '--json')).stdout)
    expect(tenants.map(({ slug }: { slug: string }) => slug)).toEqual(['acme-two'])
  })

  it('tenant restore prints the origin of the file, and refuses a forged or unknown one', async () => {
    const text = gunzipSync(await readFile(file)).toString()
    const forged = join(directory, 'forged.jsonl')
    const write = async (changed: string) => {
      const body = changed.slice(0, changed.lastIndexOf('{"rows":'))
      const trailer = JSON.parse(changed.slice(body.length))
      const sha256 = createHash('sha256').update(body).digest('hex')
      await writeFile(forged, `${body}${JSON.stringify({ ...trailer, sha256 })}\n`)
    }
    await write(text.replace('"role": "VIEWER"', '"role": "OWNER"'))
    for (const trust of [[], ['--trust']]) {
      const { code, stdout, stderr } = await tenant(
        elsewhere,
        'restore',
        forged,
        '--slug',
        'forged',
        ...trust,
      )
      expect([code, stdout]).toEqual([1, ''])
      expect(stderr).toMatch(/^bulkhead: this file was not restored: it was altered after this installation/)
    }
    await write(text.replace(/"key":"[0-9a-f]+"/, '"key":"0123456789ab"'))
    const unknown = await tenant(elsewhere, 'restore', forged, '--slug', 'forged')
    expect(unknown.stderr).toMatch(
      /^bulkhead: this file was not restored: .*by the key 0123456789ab.*--trust\n$/,
    )
    expect((await tenant(elsewhere, 'list')).stdout).not.toContain('forged')
  })

  it('a restore that is killed leaves nothing, and can be run again', async () => {
    const args = ['tenant', 'restore', file, '--slug', 'killed']
    const running = startBulkhead(args, settings(elsewhere))
    await expect.poll(() => insertsUnderWay(elsewhere), { timeout: 20_000, interval: 20 }).toBe(true)
    running.process.kill('SIGKILL')
    expect((await running.ended).code).toBeNull()
    await expect.poll(() => insertsUnderWay(elsewhere), { timeout: 20_000 }).toBe(false)
    const left = await elsewhere.owner.query(`SELECT FROM app.tenant_directory WHERE slug = 'killed'`)
    expect(left).toEqual([])
    expect((await tenant(elsewhere, 'restore', file, '--slug', 'killed')).code).toBe(0)
  })
})

describe('ending', () => {
  it('tenant erase wants the slug typed again, and names a day', async () => {
    const wrong = await tenant(elsewhere, 'erase', 'acme-two', '--confirm', 'acme')
    expect([wrong.code, wrong.stderr]).toEqual([
      1,
      'bulkhead: --confirm says "acme", not "acme-two": nothing was done\n',
    ])
    expect((await tenant(elsewhere, 'erase', 'acme-two')).stderr).toContain('--confirm')
    expect((await tenant(elsewhere, 'list')).stdout).toMatch(/^acme-two {2}ACTIVE/m)
    const ordered = await tenant(elsewhere, 'erase', 'acme-two', '--confirm', 'acme-two', '--in', '14')
    expect(ordered.stdout).toMatch(
      /^acme-two is suspended, and will be erased at .*bulkhead tenant resume acme-two\n$/,
    )
    expect((await tenant(elsewhere, 'list')).stdout).toMatch(
      /^acme-two {2}SUSPENDED {2}since .* to be erased on /m,
    )
    expect((await tenant(elsewhere, 'resume', 'acme-two')).stdout).toBe('The tenant acme-two is active.\n')
    expect((await tenant(elsewhere, 'list')).stdout).not.toContain('erased')
  })

  it('tenant erase --now, killed half way, continues when it is run again; retained shows the records', async () => {
    const args = ['tenant', 'erase', 'acme-two', '--confirm', 'acme-two', '--now']
    const running = startBulkhead(args, settings(elsewhere))
    const hasBegun = async () =>
      (await elsewhere.owner.query(`SELECT FROM app.erased_tenants WHERE row_counts <> '{}'`)).length > 0
    await expect.poll(hasBegun, { timeout: 40_000, interval: 20 }).toBe(true)
    running.process.kill('SIGKILL')
    await running.ended
    await sleep(100)
    expect((await tenant(elsewhere, 'list')).stdout).toMatch(/^acme-two {2}SUSPENDED .* being erased/m)
    const refused = await tenant(elsewhere, 'resume', 'acme-two')
    expect(refused.stderr).toBe('bulkhead: the tenant "acme-two" is being erased, which cannot be undone\n')
    const unexportable = await tenant(elsewhere, 'export', 'acme-two', '--out', join(directory, 'late'))
    expect(unexportable.stderr).toMatch(/is being erased/)
    const erased = await bulkhead(args, settings(elsewhere))
    expect([erased.code, erased.stderr]).toEqual([0, ''])
    expect(erased.stdout).toMatch(/^Erased acme-two: \d+ rows; \d+ records are retained until \d{4}-/)
    expect((await tenant(elsewhere, 'list')).stdout).toMatch(/^killed /)
    const retained = await tenant(elsewhere, 'retained', 'acme-two', '--json')
    const [kept] = JSON.parse(retained.stdout).tenants
    expect(kept).toMatchObject({ slug: 'acme-two', name: 'Acme Two', retained: { orders: 3_000 } })
    const records = (await tenant(elsewhere, 'retained', 'acme-two', '--records')).stdout
      .trimEnd()
      .split('\n')
    const sum = Object.values(kept.retained as Record<string, number>).reduce((all, count) => all + count, 0)
    expect(records).toHaveLength(sum)
    expect(JSON.parse(records[0] ?? '')).toMatchObject({ tenantId: kept.tenantId, kind: 'journal_entries' })
  })

  it('its slug is not reused, except with --reuse-slug', async () => {
    const details = ['--name', 'Other', '--currency', 'USD', '--owner-email', 'owner@other.example']
    const create = ['create', '--slug', 'acme-two', ...details]
    const refused = await tenant(elsewhere, ...create)
    expect([refused.code, refused.stdout]).toEqual([1, ''])
    expect(refused.stderr).toMatch(
      /^bulkhead: "acme-two" was the address of a tenant that was erased.*--reuse-slug\n$/,
    )
    expect((await tenant(elsewhere, ...create, '--reuse-slug')).code).toBe(0)
  })

  it('tenant retained fails for a tenant that was not erased, and purges nothing before its time', async () => {
    const { code, stderr } = await tenant(elsewhere, 'retained', 'killed')
    expect([code, stderr]).toEqual([1, 'bulkhead: no tenant "killed" was erased\n'])
    expect((await tenant(elsewhere, 'retained', '--purge')).stdout).toBe(
      'Removed the records of 0 tenants.\n',
    )
  })
})

async function actionsOf(slug: string): Promise<unknown[]> {
  const entries = await rowsOf(here.database, 'audit_entries', await here.idOf(slug))
  return entries.filter(({ actor_kind: kind }) => kind === 'SYSTEM').map(({ action }) => action)
}

async function insertsUnderWay({ database }: Installation): Promise<boolean> {
  return await asSuperuser(database, async (client) => {
    const { rows } = await client.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'bulkhead-owner'
         AND query ~ 'INSERT INTO public' AND state <> 'idle'`,
    )
    return rows.length > 0
  })
}

describe('a language of its own', () => {
  let north: Installation
  afterAll(() => north?.close())

  it('tenant create says how its lists become sorted by it, and tenant sort-indexes does that', async () => {
    north = await openInstallation()
    const made = await tenant(
      north,
      ...['create', '--slug', 'north', '--name', 'North', '--currency', 'SEK', '--locale', 'sv-SE'],
      ...['--owner-email', 'ada@north.example'],
    )
    expect(made.stdout).toMatch(/sorted by sv-SE once "bulkhead tenant sort-indexes" has run\.\n$/)
    const indexes = ['sv_customers_name_idx', 'sv_products_title_idx']
    const first = await tenant(north, 'sort-indexes', '--json')
    expect([first.code, JSON.parse(first.stdout)]).toEqual([0, { made: indexes }])
    expect((await tenant(north, 'sort-indexes')).stdout).toBe('No index is missing.\n')
    const doctor = await run(north, 'doctor', '--json')
    expect(JSON.parse(doctor.stdout).findings.filter(({ level }: Finding) => level === 'error')).toEqual([])
  })
})
