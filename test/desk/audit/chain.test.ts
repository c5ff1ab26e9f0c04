// Sealing the audit: which entries a seal covers, that concurrent runs make one chain, and what it would cost to leave
// one out.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLogger } from '../../../src/core/logger.ts'
import { createSealer } from '../../../src/core/seal.ts'
import { auditHead } from '../../../src/desk/audit/head.ts'
import { SEAL_TASK, sealTask } from '../../../src/desk/audit/seal-entries.ts'
import { SCHEDULE } from '../../../src/wiring.ts'
import { asRuntime } from '../../support/database.ts'
import { type Audited, sealer, startAudited } from './tenants.ts'

let audited: Audited
beforeAll(async () => {
  audited = await startAudited()
})
afterAll(() => audited.close())

type SealRow = {
  sequence: number
  from: string
  until: string
  ids: string[]
  previous: string
  hash: string
}

const sealsOf = (tenantId: string) =>
  audited.owner.inTenant(tenantId, (query) =>
    query<SealRow>(
      `SELECT sequence, from_at::text AS "from", until_at::text AS until, entry_ids AS ids,
         encode(previous_hash, 'hex') AS previous, encode(hash, 'hex') AS hash FROM audit_seals ORDER BY sequence`,
    ),
  )

const entriesOf = (tenantId: string) =>
  audited.owner.inTenant(tenantId, (query) =>
    query<{ id: string }>('SELECT id FROM audit_entries ORDER BY recorded_at, id'),
  )

describe('sealing', () => {
  it('covers all settled entries from the beginning, and none younger than two minutes', async () => {
    const tenantId = await audited.open()
    const ids = await audited.write(tenantId, 3, 5)
    const [young] = await audited.write(tenantId, 1, 1)
    expect(await audited.seal(tenantId)).toMatchObject([{ sequence: 1, entryCount: 4 }])
    const [seal] = await sealsOf(tenantId)
    expect(seal).toMatchObject({ from: '-infinity', previous: '00'.repeat(32) })
    expect(seal?.ids.slice(1)).toEqual(ids)
    expect(seal?.ids).not.toContain(young)
    expect(await audited.complaints(tenantId)).toEqual([])
  })

  it('continues where the last seal ended, link by link, and makes none without new entries', async () => {
    const tenantId = await audited.open()
    await audited.seal(tenantId)
    expect(await audited.seal(tenantId)).toEqual([])
    await audited.owner.inTenant(tenantId, (query) =>
      query(`UPDATE audit_seals SET until_at = until_at - interval '5 minutes'`),
    )
    await audited.write(tenantId, 2, 4)
    await audited.seal(tenantId)
    const [first, second] = await sealsOf(tenantId)
    expect(second).toMatchObject({ sequence: 2, from: first?.until, previous: first?.hash })
    expect(second?.ids).toHaveLength(2)
  })

  it('puts a bounded number under each seal, and never divides entries of one instant', async () => {
    const tenantId = await audited.open()
    await audited.write(tenantId, 7, 8)
    await audited.owner.inTenant(tenantId, (query) =>
      query(
        `INSERT INTO audit_entries (id, actor_kind, action, subject_type, subject_id, request_id, recorded_at)
         SELECT gen_random_uuid(), 'SYSTEM', 'somethingDo', 'Thing', gen_random_uuid(), '', now() - interval '6 minutes'
         FROM generate_series(1, 9)`,
      ),
    )
    await audited.write(tenantId, 2, 5)
    const made = await audited.seal(tenantId, { entriesMax: 3 })
    expect(made.map(({ entryCount }) => entryCount)).toEqual([3, 3, 2, 9, 2])
    expect((await sealsOf(tenantId)).flatMap(({ ids }) => ids)).toEqual(
      (await entriesOf(tenantId)).map(({ id }) => id),
    )
    expect(await audited.complaints(tenantId)).toEqual([])
  })

  it('makes one chain when several workers seal at once', async () => {
    const tenantId = await audited.open()
    await audited.write(tenantId, 40, 8)
    const made = await Promise.all(Array.from({ length: 6 }, () => audited.seal(tenantId, { entriesMax: 2 })))
    const sequences = made.flat().map(({ sequence }) => sequence)
    expect(sequences.sort((left, right) => left - right)).toEqual(Array.from({ length: 21 }, (_, n) => n + 1))
    const sealed = (await sealsOf(tenantId)).flatMap(({ ids }) => ids)
    expect(sealed).toEqual((await entriesOf(tenantId)).map(({ id }) => id))
    expect(await audited.complaints(tenantId)).toEqual([])
  })

  it('is the same chain for every session, with any time zone and date style', async () => {
    const tenantId = await audited.open()
    await audited.write(tenantId, 2, 5)
    await audited.seal(tenantId)
    const settings = (value: [string, string]) =>
      audited.owner.query(
        `ALTER DATABASE ${audited.testDatabase.name} SET timezone = '${value[0]}'; ALTER DATABASE ${audited.testDatabase.name} SET datestyle = '${value[1]}'`,
      )
    await settings(['Asia/Kathmandu', 'German, DMY'])
    const other = await startSessionAnew()
    expect(await other.complaints(tenantId)).toEqual([])
    await settings(['UTC', 'ISO, MDY'])
  })

  it('is a job of every five minutes, which logs the new head', async () => {
    expect(SCHEDULE).toContainEqual({ task: SEAL_TASK, pattern: '*/5 * * * *' })
    const tenantId = await audited.open()
    const lines: Record<string, unknown>[] = []
    const logger = createLogger('info', { write: (line) => lines.push(JSON.parse(line)) })
    await sealTask(sealer).run(audited.caller(tenantId, logger), {})
    const [seal] = await sealsOf(tenantId)
    expect(lines).toMatchObject([
      { msg: 'the audit was sealed', sequence: 1, hash: seal?.hash, entryCount: 1 },
    ])
  })

  it('lets a new key vouch for the whole chain, without new entries', async () => {
    const tenantId = await audited.open()
    await audited.seal(tenantId)
    await audited.owner.inTenant(tenantId, (query) =>
      query(`UPDATE audit_entries SET recorded_at = recorded_at`),
    )
    const [one, two] = [Buffer.alloc(32, 'one'), Buffer.alloc(32, 'two')]
    const only = createSealer({ current: two })
    expect(await audited.complaints(tenantId, only)).toEqual([
      expect.stringMatching(/^1: seal 1: the key \w{12} that vouches for it is not configured/),
    ])
    const rotated = createSealer({ current: two, previous: [one] })
    expect(await audited.seal(tenantId, { sealer: rotated })).toMatchObject([{ sequence: 2, entryCount: 0 }])
    expect(await audited.seal(tenantId, { sealer: rotated })).toEqual([])
    expect(await audited.complaints(tenantId, rotated)).toEqual([])
    expect(await audited.complaints(tenantId, only)).toEqual([])
  })

  it('cross-tenant: a chain belongs to one tenant, and another’s job adds nothing to it', async () => {
    const [own, other] = [await audited.open(), await audited.open()]
    await audited.seal(other)
    expect(await sealsOf(own)).toEqual([])
    await audited.seal(own)
    expect((await sealsOf(own))[0]?.hash).not.toBe((await sealsOf(other))[0]?.hash)
    await audited.write(other, 1, 5)
    expect(await audited.complaints(own)).toEqual([])
  })
})

describe('the head', () => {
  it('is the last link with the number of entries under it, or an earlier link by its number', async () => {
    const tenantId = await audited.open()
    const { database } = audited
    const head = (sequence?: number) => auditHead({ database, scope: { tenantId } }, sequence)
    expect(await head()).toEqual({
      sequence: 0,
      hash: '00'.repeat(32),
      sealedAt: null,
      entryCount: 0,
      unsealedCount: 1,
    })
    await audited.write(tenantId, 4, 5)
    const made = await audited.seal(tenantId, { entriesMax: 3 })
    await audited.write(tenantId, 1, 0)
    expect(made).toHaveLength(2)
    expect(await head()).toMatchObject({
      sequence: 2,
      hash: made[1]?.hash,
      sealedAt: expect.any(Date),
      entryCount: 5,
      unsealedCount: 1,
    })
    expect(await head(1)).toMatchObject({ sequence: 1, hash: made[0]?.hash, entryCount: 3, unsealedCount: 3 })
    expect(await head(3)).toBeNull()
  })
})

describe('the database', () => {
  it('lets the runtime role neither change nor remove entries and seals, nor date an entry', async () => {
    const tenantId = await audited.open()
    await audited.seal(tenantId)
    const run = (sql: string) => asRuntime(audited.testDatabase, tenantId, (client) => client.query(sql))
    for (const sql of [
      `UPDATE audit_entries SET action = 'nothing'`,
      'DELETE FROM audit_entries',
      'TRUNCATE audit_entries',
      `UPDATE audit_seals SET key_id = ''`,
      'DELETE FROM audit_seals',
      `INSERT INTO audit_entries (id, actor_kind, action, subject_type, subject_id, request_id, recorded_at)
       VALUES (gen_random_uuid(), 'SYSTEM', 'a', 'b', gen_random_uuid(), '', now() - interval '1 hour')`,
    ]) {
      await expect(run(sql), sql).rejects.toMatchObject({ code: '42501' })
    }
  })

  it('case 18: takes the tenant of an entry from the scope, and refuses an entry that names another', async () => {
    const [own, other] = [await audited.open(), await audited.open()]
    const columns = 'id, actor_kind, action, subject_type, subject_id, request_id'
    const values = `gen_random_uuid(), 'SYSTEM', 'somethingDo', 'Thing', gen_random_uuid(), ''`
    const run = (sql: string) => asRuntime(audited.testDatabase, own, (client) => client.query(sql))
    const { rows } = await run(
      `INSERT INTO audit_entries (${columns}) VALUES (${values}) RETURNING tenant_id AS tenant`,
    )
    expect(rows).toEqual([{ tenant: own }])
    await expect(
      run(`INSERT INTO audit_entries (tenant_id, ${columns}) VALUES ('${other}', ${values})`),
    ).rejects.toMatchObject({ code: '42501' })
    expect(await entriesOf(other)).toHaveLength(1)
  })

  it('lets no member’s request make a seal', async () => {
    const tenantId = await audited.open()
    const insert = `INSERT INTO audit_seals (sequence, from_at, until_at, entry_ids, entry_digests, previous_hash, hash, mac, key_id)
      VALUES (1, now() - interval '1 hour', now(), '{}', '{}', '', '', '', '')`
    const work = asRuntime(audited.testDatabase, tenantId, (client) => client.query(insert), 'tenant:manage')
    await expect(work).rejects.toMatchObject({ code: 'BK004' })
  })
})

/** The same tenants with new connections. */
async function startSessionAnew(): Promise<Audited> {
  const { openDatabase } = await import('../../../src/db/database.ts')
  const { auditChain } = await import('../../../src/desk/audit/chain-check.ts')
  const database = openDatabase({
    url: audited.testDatabase.runtimeUrl,
    poolMax: 1,
    namedStatements: true,
    logger: createLogger('silent'),
  })
  return {
    ...audited,
    async complaints(tenantId) {
      const tenant = { database, scope: { tenantId }, clock: () => new Date(), tenantSlug: 'any' }
      const { violations } = await auditChain(tenant, sealer).run()
      await database.close()
      return violations.map(({ message }) => message)
    },
  }
}
