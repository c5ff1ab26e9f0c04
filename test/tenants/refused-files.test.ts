// Files that are not the whole of a tenant, and a restore that does not come to its end: nothing is left of either.
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectOwner } from '../../src/db/owner.ts'
import { createTenant } from '../../src/db/tenant-directory.ts'
import { exportTenantFile } from '../../src/tenants/export-tenant-file.ts'
import { openTenantFile } from '../../src/tenants/read-tenant-file.ts'
import { type RestoredTenant, restoreTenant } from '../../src/tenants/restore-tenant.ts'
import { asSuperuser } from '../support/database.ts'
import { countsOf, type DemoInstallation, openInstallation } from './demo.ts'

const NOW = new Date('2026-11-24T12:00:00Z')

let elsewhere: DemoInstallation
let path: string
let lines: string[]
beforeAll(async () => {
  const here = await openInstallation()
  elsewhere = await openInstallation({ isEmpty: true })
  path = join(elsewhere.directory, 'acme.jsonl')
  await exportTenantFile(here.owner, 'acme', path, NOW)
  await here.close()
  lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
  const owner = { email: 'owner@globex.example', name: 'Owner' }
  await createTenant(elsewhere.owner, { slug: 'globex', name: 'Globex', currency: 'EUR', owner })
})
afterAll(() => elsewhere?.close())

const restoreAs = (installation: DemoInstallation, slug: string, file = path): Promise<RestoredTenant> =>
  restoreTenant(installation.owner, () => openTenantFile(file), { slug, name: null })

/** What a file with such lines is answered, and that it left nothing. */
async function refusalOf(content: string | Buffer): Promise<string> {
  const file = join(elsewhere.directory, 'altered.jsonl')
  await writeFile(file, content)
  const error = await restoreAs(elsewhere, 'refused', file).catch((thrown: Error) => thrown)
  expect(await slugsIn(elsewhere)).not.toContain('refused')
  return error instanceof Error ? error.message : 'restored'
}

async function slugsIn({ owner }: DemoInstallation): Promise<string[]> {
  const rows = await owner.query<{ slug: string }>('SELECT slug FROM app.tenant_directory ORDER BY slug')
  return rows.map(({ slug }) => slug)
}

/** The file with other lines, and a last line that fits them: a checksum proves a whole file, not an honest one. */
function sealed(changed: readonly string[]): string {
  const trailer = JSON.parse(changed.at(-1) ?? '')
  const body = changed.slice(0, -1).map((line) => `${line}\n`)
  const sha256 = createHash('sha256').update(body.join('')).digest('hex')
  return `${body.join('')}${JSON.stringify({ ...trailer, sha256 })}\n`
}

const indexOf = (table: string) => lines.findIndex((line) => line.startsWith(`{"table":"${table}"`))

describe('a file that is not whole is refused, and leaves nothing', () => {
  it('cut off, within a line, after one, before its last', async () => {
    const text = `${lines.join('\n')}\n`
    expect(await refusalOf(text.slice(0, text.length / 2))).toMatch(/breaks off within a line/)
    expect(await refusalOf(`${lines.slice(0, -1).join('\n')}\n`)).toMatch(/last line is missing/)
    expect(await refusalOf('')).toMatch(/last line is missing/)
  })

  it('with one letter changed, a row left out, or one twice', async () => {
    const at = indexOf('customers')
    const altered = lines.with(at, (lines[at] ?? '').replace('@', '+x@'))
    expect(await refusalOf(`${altered.join('\n')}\n`)).toMatch(/checksum/)
    expect(await refusalOf(`${lines.toSpliced(at, 1).join('\n')}\n`)).toMatch(/checksum/)
    expect(await refusalOf(sealed(lines.toSpliced(at, 1)))).toMatch(/not as many as it says/)
    expect(await refusalOf(sealed(lines.toSpliced(at, 0, lines[at] ?? '')))).toMatch(/not as many as it says/)
  })

  it('with something after its last line, or of another format', async () => {
    expect(await refusalOf(`${lines.join('\n')}\n{}\n`)).toMatch(/something after its last line/)
    expect(await refusalOf('{"some":"json"}\n')).toMatch(/does not begin as a file of the format/)
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
    expect(await refusalOf(sealed(lines.with(at, seals)))).toMatch(/a row that is none/)
    expect(await refusalOf(sealed(lines.with(at, '{"table":"outbox_events","row":{}}')))).toMatch(
      /no export has|not as many/,
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

it('a restore whose connection is killed half way leaves nothing, and can be done again', async () => {
  const owner = await connectOwner(elsewhere.database.ownerUrl)
  const [session] = await owner.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  let reads = 0
  const open = async () => {
    const bytes = await openTenantFile(path)
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
  await expect(restoreTenant(owner, open, { slug: 'killed', name: null })).rejects.toThrow()
  await owner.end().catch(() => {})
  expect(reads).toBe(2)
  expect(await slugsIn(elsewhere)).not.toContain('killed')
  await restoreAs(elsewhere, 'killed')
  expect(await slugsIn(elsewhere)).toContain('killed')
})
