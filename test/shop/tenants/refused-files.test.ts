// Files that are not the whole of a tenant, and a restore that does not come to its end: nothing is left of either.
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeId } from '../../../src/core/ids.ts'
import { createSealer } from '../../../src/core/seal.ts'
import { connectOwner } from '../../../src/db/owner.ts'
import { exportTenantFile } from '../../../src/desk/tenants/export-tenant-file.ts'
import { fileMac } from '../../../src/desk/tenants/file-origin.ts'
import { openTenantFile } from '../../../src/desk/tenants/read-tenant-file.ts'
import { type RestoredTenant, restoreTenant } from '../../../src/desk/tenants/restore-tenant.ts'
import { createTenant } from '../../../src/desk/tenants/tenant-directory.ts'
import {
  countsOf,
  type Installation,
  openInstallation,
  rowsOf,
  sealer,
} from '../../desk/tenants/installation.ts'
import { asSuperuser } from '../../support/database.ts'
import { openDemo } from './demo.ts'

const NOW = new Date('2026-11-24T12:00:00Z')

let elsewhere: Installation
/** All of a demo tenant: of a size at which a restore can be stopped in its midst. */
let wholePath: string
/** The same with fewer orders: what is refused is so for one line, and thirty files are read and written faster. */
let path: string
let lines: string[]
beforeAll(async () => {
  const here = await openDemo()
  elsewhere = await openInstallation()
  wholePath = join(elsewhere.directory, 'acme.jsonl')
  await exportTenantFile(here.owner, 'acme', wholePath, { now: NOW, sealer })
  await here.close()
  const whole = (await readFile(wholePath, 'utf8')).trimEnd().split('\n')
  path = join(elsewhere.directory, 'few-orders.jsonl')
  await writeFile(path, sealed(withFewOrders(whole)))
  lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
  const owner = { email: 'owner@globex.example', name: 'Owner' }
  await createTenant(elsewhere.owner, { slug: 'globex', name: 'Globex', currency: 'EUR', owner })
})
afterAll(() => elsewhere?.close())

const ORDERS_KEPT = 50

/** The lines of a whole file without most of its orders, nor any row that refers to what was left out; as many as it then says. */
function withFewOrders(whole: readonly string[]): string[] {
  const left = new Set<unknown>()
  const counts: Record<string, number> = {}
  const kept = whole.slice(1, -1).filter((line) => {
    const { table, row } = JSON.parse(line)
    const isLeft =
      (table === 'orders' && (counts.orders ?? 0) >= ORDERS_KEPT) ||
      Object.values(row).some((value) => left.has(value))
    if (isLeft) left.add(row.id)
    else counts[table] = (counts[table] ?? 0) + 1
    return !isLeft
  })
  const trailer = JSON.parse(whole.at(-1) ?? '')
  const rows = Object.fromEntries(Object.keys(trailer.rows).map((table) => [table, counts[table] ?? 0]))
  return [whole[0] ?? '', ...kept, JSON.stringify({ ...trailer, rows, total: kept.length })]
}

const restoreAs = (installation: Installation, slug: string, file = path): Promise<RestoredTenant> =>
  restoreTenant(installation.owner, () => openTenantFile(file), { slug, name: null, sealer })

/** What a file with such lines is answered, and that it left nothing. */
async function refusalOf(content: string | Buffer, trust = false): Promise<string> {
  const file = join(elsewhere.directory, 'altered.jsonl')
  await writeFile(file, content)
  const error = await restoreTenant(elsewhere.owner, () => openTenantFile(file), {
    slug: 'refused',
    name: null,
    sealer,
    trust,
  }).catch((thrown: Error) => thrown)
  expect(await slugsIn(elsewhere)).not.toContain('refused')
  return error instanceof Error ? error.message : 'restored'
}

async function slugsIn({ owner }: Installation): Promise<string[]> {
  const rows = await owner.query<{ slug: string }>('SELECT slug FROM app.tenant_directory ORDER BY slug')
  return rows.map(({ slug }) => slug)
}

/** The file with other lines, and a sum that fits them: anybody can make one. `mac`: by the installation's key, if it is given. */
function summed(changed: readonly string[], mac?: (sha256: string) => string): string {
  const trailer = JSON.parse(changed.at(-1) ?? '')
  const body = changed.slice(0, -1).map((line) => `${line}\n`)
  const sha256 = createHash('sha256').update(body.join('')).digest('hex')
  return `${body.join('')}${JSON.stringify({ ...trailer, sha256, mac: mac?.(sha256) ?? trailer.mac })}\n`
}

/** The same as this installation would have made it: what is refused then is refused for what is in it. */
const sealed = (changed: readonly string[]): string => summed(changed, (sha256) => fileMac(sha256, sealer))

/** A header that says it is of somebody else's installation, which signed with a key of its own. */
const foreignHeader = () =>
  JSON.stringify({
    ...JSON.parse(lines[0] ?? ''),
    installation: encodeId('inst', '0191b1f6-6280-7ac3-8e00-00000000beef'),
    key: 'feedfeedfeed',
  })

const indexOf = (table: string) => lines.findIndex((line) => line.startsWith(`{"table":"${table}"`))

describe('an incomplete file is refused, and leaves nothing', () => {
  it('cut off, within a line, after one, before its last', async () => {
    const text = `${lines.join('\n')}\n`
    expect(await refusalOf(text.slice(0, text.length / 2))).toMatch(/ends within a line/)
    expect(await refusalOf(`${lines.slice(0, -1).join('\n')}\n`)).toMatch(/last line is missing/)
    expect(await refusalOf('')).toMatch(/last line is missing/)
  })

  it('with one letter changed, a row left out, or one twice', async () => {
    const at = indexOf('customers')
    const altered = lines.with(at, (lines[at] ?? '').replace('@', '+x@'))
    expect(await refusalOf(`${altered.join('\n')}\n`)).toMatch(/checksum/)
    expect(await refusalOf(`${lines.toSpliced(at, 1).join('\n')}\n`)).toMatch(/checksum/)
    expect(await refusalOf(sealed(lines.toSpliced(at, 1)))).toMatch(/row counts do not match/)
    expect(await refusalOf(sealed(lines.toSpliced(at, 0, lines[at] ?? '')))).toMatch(
      /row counts do not match/,
    )
  })

  it('with something after its last line, or of another format', async () => {
    expect(await refusalOf(`${lines.join('\n')}\n{}\n`)).toMatch(/something after its last line/)
    expect(await refusalOf('{"some":"json"}\n')).toMatch(/does not begin with a header of the format/)
    expect(await refusalOf(Buffer.from([0x1f, 0x8b, 1, 2, 3]))).toMatch(/compression is broken/)
  })

  it('made under another schema', async () => {
    const header = JSON.stringify({ ...JSON.parse(lines[0] ?? ''), schema: '20200101000000_old' })
    expect(await refusalOf(sealed(lines.with(0, header)))).toMatch(/under the schema 20200101000000_old/)
  })

  it('with rows that do not fit together, though its sums are right', async () => {
    const at = indexOf('postings')
    const unbalanced = (lines[at] ?? '').replace(/"amount_minor": ?(-?)/, '"amount_minor": $11')
    expect(unbalanced).not.toBe(lines[at])
    expect(await refusalOf(sealed(lines.with(at, unbalanced)))).toMatch(/the database refuses its rows/)
    const foreign = (lines[indexOf('order_lines')] ?? '').replace(
      /"order_id": ?"[^"]+"/,
      '"order_id": "00000000-0000-7000-8000-000000000000"',
    )
    expect(await refusalOf(sealed(lines.with(indexOf('order_lines'), foreign)))).toMatch(/refuses its rows/)
  })

  it('cross-tenant: with rows of a table that no export has, or of another tenant’s id', async () => {
    const at = indexOf('customers')
    const seals = '{"table":"app.tenant_directory","row":{}}'
    expect(await refusalOf(sealed(lines.with(at, seals)))).toMatch(/an invalid row/)
    expect(await refusalOf(sealed(lines.with(at, '{"table":"outbox_events","row":{}}')))).toMatch(
      /no export has|counts do not match/,
    )
    const globex = await elsewhere.idOf('globex')
    const before = await countsOf(elsewhere.database, globex)
    const row = JSON.parse(lines[at] ?? '')
    const smuggled = JSON.stringify({ table: 'customers', row: { ...row.row, tenant_id: globex } })
    await refusalOf(sealed(lines.with(at, smuggled)))
    expect(await countsOf(elsewhere.database, globex)).toEqual(before)
  })

  it('for an address that is taken', async () => {
    await expect(restoreAs(elsewhere, 'globex')).rejects.toMatchObject({ code: 'CONFLICT' })
  })
})

describe('whose file it is', () => {
  const TAMPERED = /altered after this installation had made it/
  const asOwnerOf = (changed: readonly string[]) => {
    const at = changed.findIndex((line) => line.startsWith('{"table":"members"') && line.includes('"VIEWER"'))
    return changed.with(at, (changed[at] ?? '').replace('"VIEWER"', '"OWNER"'))
  }

  it('one whose VIEWER was made an OWNER, with a sum that fits, is refused, trusted or not', async () => {
    for (const trust of [false, true]) {
      expect(await refusalOf(summed(asOwnerOf(lines)), trust)).toMatch(TAMPERED)
      const anotherKey = createSealer({ current: Buffer.alloc(32, 'not ours') })
      const forged = summed(asOwnerOf(lines), (sha256) => fileMac(sha256, anotherKey))
      expect(await refusalOf(forged, trust)).toMatch(TAMPERED)
    }
  })

  it('a mac is of one file alone, and of nothing else that the key signs', async () => {
    const other = lines.with(
      0,
      JSON.stringify({ ...JSON.parse(lines[0] ?? ''), createdAt: '2020-01-01T00:00:00.000Z' }),
    )
    expect(await refusalOf(summed(other))).toMatch(TAMPERED)
    const elsewhereMac = (sha256: string) =>
      Buffer.from(sealer.mac(Buffer.from(sha256), 'audit seal')).toString('hex')
    expect(await refusalOf(summed(lines, elsewhereMac))).toMatch(TAMPERED)
    expect(await refusalOf(summed(lines, () => 'ab'.repeat(32)))).toMatch(TAMPERED)
    expect(await refusalOf(summed(lines, () => ''))).toMatch(/neither a row nor its last/)
  })

  it('another installation’s is named and refused, and restored when it is trusted', async () => {
    const foreign = summed(asOwnerOf(lines.with(0, foreignHeader())))
    expect(await refusalOf(foreign)).toMatch(
      /comes from another installation, inst_[0-9a-z]{26}: its checksum is right, but .*restore it with --trust/,
    )
    expect(await refusalOf(foreign.replace('@', '+@'), true)).toMatch(/checksum/)
    const file = join(elsewhere.directory, 'foreign.jsonl')
    await writeFile(file, foreign)
    const options = { slug: 'trusted', name: null, sealer, trust: true }
    const { id, source } = await restoreTenant(elsewhere.owner, () => openTenantFile(file), options)
    expect(source).toMatchObject({
      origin: 'TRUSTED',
      installation: JSON.parse(foreignHeader()).installation,
    })
    const audit = await rowsOf(elsewhere.database, 'audit_entries', id)
    expect(audit.filter(({ action }) => action === 'tenantRestore')).toMatchObject([
      { after: { source: { origin: 'TRUSTED' } } },
    ])
  })

  it('one of a key that is not here says which, and is restored by it once it is a key of before', async () => {
    const owner = { slug: 'rotated', name: null }
    const open = () => openTenantFile(path)
    const later = createSealer({ current: Buffer.alloc(32, 'a later key') })
    await expect(restoreTenant(elsewhere.owner, open, { ...owner, sealer: later })).rejects.toThrow(
      `it says that this installation made it, by the key ${sealer.keyId}, which is not configured`,
    )
    const both = createSealer({
      current: Buffer.alloc(32, 'a later key'),
      previous: [Buffer.alloc(32, 'keys of tenants')],
    })
    const { source } = await restoreTenant(elsewhere.owner, open, { ...owner, sealer: both })
    expect(source.origin).toBe('OWN')
  })

  it('one of before files were signed says what to do, trusted or not', async () => {
    const { installation: _i, key: _k, ...header } = JSON.parse(lines[0] ?? '')
    const old = lines.with(0, JSON.stringify({ ...header, version: 1 }))
    for (const trust of [false, true])
      expect(await refusalOf(summed(old), trust)).toMatch(/a release before files were signed/)
  })
})

describe('a file that was made to do harm is refused in bounded work, though it is trusted', () => {
  const refused = (changed: readonly string[]) => refusalOf(summed(changed.with(0, foreignHeader())), true)

  it('gzip that unpacks for ever, and a line without an end', async () => {
    const bomb = gzipSync(Buffer.alloc(128 * 1_048_576, `{"table":"orders","row":{}}\n`))
    expect(await refusalOf(Buffer.concat([gzipSync(`${foreignHeader()}\n`), bomb]), true)).toMatch(
      /unpacks to more than 200 times its size/,
    )
    expect(await refusalOf(gzipSync(Buffer.alloc(40 * 1_048_576, 'x')), true)).toMatch(/longer than any row/)
  })

  it('rows twice, tables by turns, columns that there are not, and what is no text', async () => {
    const at = indexOf('customers')
    const twice = lines.toSpliced(at, 0, lines[at] ?? '')
    const { rows, total, ...last } = JSON.parse(lines.at(-1) ?? '')
    const counted = JSON.stringify({
      ...last,
      rows: { ...rows, customers: rows.customers + 1 },
      total: total + 1,
    })
    expect(await refused(twice.with(-1, counted))).toMatch(/the database refuses its rows/)
    const first = lines[indexOf('members')] ?? ''
    expect(await refused([...lines.slice(0, -1), first, lines.at(-1) ?? ''])).toMatch(/are not contiguous/)
    const wider = (lines[at] ?? '').replace('"row":{', '"row":{"isOwner":true,')
    expect(await refused(lines.with(at, wider))).toMatch(/read back, are not those of the file/)
    const deep = (lines[at] ?? '').replace(
      '"row":{',
      `"row":{"deep":${'['.repeat(50_000)}${']'.repeat(50_000)},`,
    )
    expect(await refused(lines.with(at, deep))).toMatch(/the database refuses its rows|read back/)
    const bytes = Buffer.from(`${lines.join('\n')}\n`)
    bytes[bytes.indexOf('@')] = 0xff
    expect(await refusalOf(bytes, true)).toMatch(/a line that is not valid UTF-8/)
  })
})

it('a restore whose connection is killed half way leaves nothing, and can be done again', async () => {
  const owner = await connectOwner(elsewhere.database.ownerUrl)
  const [session] = await owner.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  let reads = 0
  const open = async () => {
    const bytes = await openTenantFile(wholePath)
    reads += 1
    if (reads === 1) return bytes
    return (async function* () {
      let count = 0
      for await (const chunk of bytes) {
        yield chunk
        count += 1
        if (count === 20) {
          await asSuperuser(elsewhere.database, (client) =>
            client.query('SELECT pg_terminate_backend($1)', [session?.pid]),
          )
        }
      }
    })()
  }
  await expect(restoreTenant(owner, open, { slug: 'killed', name: null, sealer })).rejects.toThrow()
  await owner.end().catch(() => {})
  expect(reads).toBe(2)
  expect(await slugsIn(elsewhere)).not.toContain('killed')
  await restoreAs(elsewhere, 'killed', wholePath)
  expect(await slugsIn(elsewhere)).toContain('killed')
})
