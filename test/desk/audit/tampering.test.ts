// What the owner of the tables can do to the audit without grants and triggers, and that the check finds it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeId } from '../../../src/core/ids.ts'
import type { OwnerQuery } from '../../../src/db/owner.ts'
import { hashOf, type SealedContent, sealsAfter } from '../../../src/desk/audit/chain.ts'
import { auditChain } from '../../../src/desk/audit/chain-check.ts'
import { auditHead } from '../../../src/desk/audit/head.ts'
import type { KeptHead } from '../../../src/integrity/verify.ts'
import { type Audited, sealer, startAudited } from './tenants.ts'

let audited: Audited
beforeAll(async () => {
  audited = await startAudited()
})
afterAll(() => audited.close())

/** A tenant with two seals: on its creation with three entries, and on two more. */
async function sealedTenant() {
  const tenantId = await audited.open()
  const first = await audited.write(tenantId, 3, 9)
  await audited.seal(tenantId)
  await backdateFirstSeal(tenantId)
  const second = await audited.write(tenantId, 2, 5)
  await audited.seal(tenantId)
  expect(await audited.complaints(tenantId)).toEqual([])
  return { tenantId, first, second }
}

/** The first seal ends eight minutes ago, as if it had been made then: later entries belong to the second. */
async function backdateFirstSeal(tenantId: string): Promise<void> {
  const [seal] = await audited.database.withTenant({ tenantId }, (tx) => sealsAfter(tx, 0, 1))
  if (seal === undefined) throw new Error('there is no seal')
  await audited.owner.inTenant(tenantId, async (query) => {
    const [{ until } = { until: '' }] = await query<{ until: string }>(
      `SELECT to_char((now() - interval '8 minutes') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS until`,
    )
    await rewriteSeal(query, tenantId, { ...seal, untilAt: until })
  })
}

/** A seal with a matching hash and mac, which only the holder of the key can make. */
async function rewriteSeal(query: OwnerQuery, tenantId: string, content: SealedContent): Promise<void> {
  const hash = hashOf(tenantId, content)
  const mac = Buffer.from(sealer.mac(Buffer.from(hash, 'hex'), 'audit seal')).toString('hex')
  await query(
    `UPDATE audit_seals SET until_at = $2, hash = decode($3, 'hex'), mac = decode($4, 'hex') WHERE sequence = $1`,
    [content.sequence, content.untilAt, hash, mac],
  )
}

/** As the owner of the tables, with triggers disabled. */
async function tamper(
  tenantId: string,
  sql: string,
  values: readonly unknown[] = [],
): Promise<readonly Record<string, unknown>[]> {
  return await audited.owner.inTenant(tenantId, async (query) => {
    await query('ALTER TABLE audit_entries DISABLE TRIGGER USER')
    await query('ALTER TABLE audit_seals DISABLE TRIGGER USER')
    const rows = await query(sql, values)
    await query('ALTER TABLE audit_entries ENABLE TRIGGER USER')
    await query('ALTER TABLE audit_seals ENABLE TRIGGER USER')
    return rows
  })
}

async function complaintsWith(tenantId: string, kept: KeptHead): Promise<string[]> {
  const tenant = {
    database: audited.database,
    scope: { tenantId },
    clock: () => new Date(),
    tenantSlug: 'any',
  }
  const { violations } = await auditChain(tenant, sealer, kept).run()
  return violations.map(({ message }) => message)
}

async function headOf(tenantId: string) {
  const head = await auditHead({ database: audited.database, scope: { tenantId } })
  if (head === null) throw new Error('there is no head')
  return head
}

const nameOf = (id: string | undefined) => encodeId('aud', id ?? '')

describe('an entry that was altered by the owner role, with triggers off, is found', () => {
  it.each([
    [`actor_kind = 'MEMBER'`],
    ['actor_id = gen_random_uuid()'],
    [`actor_label = 'somebody@else.example'`],
    [`action = 'nothingDo'`],
    [`subject_type = 'Nothing'`],
    ['subject_id = gen_random_uuid()'],
    [`before = '{}'`],
    [`after = '{"text": "as it never was"}'`],
    ['after = NULL'],
    [`request_id = 'another'`],
    [`created_at = created_at - interval '1 millisecond'`],
    [`recorded_at = recorded_at + interval '1 microsecond'`],
  ])('%s', async (change) => {
    const { tenantId, first } = await sealedTenant()
    await tamper(tenantId, `UPDATE audit_entries SET ${change} WHERE id = $1`, [first[1]])
    expect(await audited.complaints(tenantId)).toEqual([
      `${nameOf(first[1])}: it was altered after seal 1 was put on it`,
    ])
  })

  it('even when its id is another one now', async () => {
    const { tenantId, first } = await sealedTenant()
    await tamper(tenantId, 'UPDATE audit_entries SET id = gen_random_uuid() WHERE id = $1', [first[0]])
    expect(await audited.complaints(tenantId)).toEqual(
      expect.arrayContaining([
        `${nameOf(first[0])}: it was removed: seal 1 was put on it`,
        expect.stringContaining('it was inserted later: seal 1 of its time has no such entry'),
      ]),
    )
  })
})

describe('an entry that was removed, or added to the past, is found', () => {
  it('removed', async () => {
    const { tenantId, first, second } = await sealedTenant()
    await tamper(tenantId, 'DELETE FROM audit_entries WHERE id = ANY ($1)', [[first[2], second[1]]])
    expect(await audited.complaints(tenantId)).toEqual(
      [
        `${nameOf(first[2])}: it was removed: seal 1 was put on it`,
        `${nameOf(second[1])}: it was removed: seal 2 was put on it`,
      ].sort(),
    )
  })

  it('slipped in', async () => {
    const { tenantId } = await sealedTenant()
    const [row] = await tamper(
      tenantId,
      `INSERT INTO audit_entries (id, actor_kind, action, subject_type, subject_id, request_id, recorded_at)
       VALUES (gen_random_uuid(), 'SYSTEM', 'somethingDo', 'Thing', gen_random_uuid(), '', now() - interval '5 minutes')
       RETURNING id`,
    )
    expect(await audited.complaints(tenantId)).toEqual([
      `${nameOf(row?.id as string)}: it was inserted later: seal 2 of its time has no such entry`,
    ])
  })

  it('moved to another time', async () => {
    const { tenantId, first } = await sealedTenant()
    await tamper(
      tenantId,
      `UPDATE audit_entries SET recorded_at = now() - interval '5 minutes' WHERE id = $1`,
      [first[0]],
    )
    expect(await audited.complaints(tenantId)).toEqual(
      [
        `${nameOf(first[0])}: it was altered after seal 1 was put on it`,
        `${nameOf(first[0])}: it was inserted later: seal 2 of its time has no such entry`,
      ].sort(),
    )
  })
})

describe('a chain that was altered to suit is found', () => {
  const REMOVE = `
    WITH gone AS (DELETE FROM audit_entries WHERE id = $1)
    UPDATE audit_seals SET entry_ids = entry_ids[2:], entry_digests = entry_digests[2:] WHERE sequence = 2`

  it('an entry is gone, and its seal no longer names it', async () => {
    const { tenantId, second } = await sealedTenant()
    await tamper(tenantId, REMOVE, [second[0]])
    expect(await audited.complaints(tenantId)).toEqual([
      '2: seal 2: it was altered: its hash is not that of what is in it',
    ])
  })

  it('the seal’s hash was recomputed too, which needs no key, unlike its mac', async () => {
    const { tenantId, second } = await sealedTenant()
    await tamper(tenantId, REMOVE, [second[0]])
    await rehash(tenantId, 2)
    expect(await audited.complaints(tenantId)).toEqual([
      '2: seal 2: its mac was not made by the key that it names',
    ])
  })

  it('an older seal was made again, which the next one does not follow', async () => {
    const { tenantId } = await sealedTenant()
    await tamper(tenantId, `UPDATE audit_seals SET from_at = '2000-01-01' WHERE sequence = 1`)
    await rehash(tenantId, 1)
    expect(await audited.complaints(tenantId)).toEqual(
      expect.arrayContaining([
        expect.stringContaining('seal 1: its mac was not made by the key'),
        expect.stringContaining('seal 2: it does not follow seal 1'),
      ]),
    )
  })

  it('the first seal was removed with what was under it', async () => {
    const { tenantId, first } = await sealedTenant()
    await tamper(tenantId, 'DELETE FROM audit_entries WHERE id = ANY ($1)', [first])
    await tamper(tenantId, 'DELETE FROM audit_seals WHERE sequence = 1')
    expect(await audited.complaints(tenantId)).toEqual(['2: seal 2: seal 1 was removed before it'])
  })

  it('a seal of another tenant was put in its place', async () => {
    const [own, other] = [await sealedTenant(), await sealedTenant()]
    const [seal] = await audited.owner.inTenant(other.tenantId, (query) =>
      query<Record<string, unknown>>('SELECT hash, mac, previous_hash FROM audit_seals WHERE sequence = 2'),
    )
    await tamper(
      own.tenantId,
      'UPDATE audit_seals SET hash = $1, mac = $2, previous_hash = $3 WHERE sequence = 2',
      [seal?.hash, seal?.mac, seal?.previous_hash],
    )
    expect(await audited.complaints(own.tenantId)).toEqual(
      expect.arrayContaining([expect.stringContaining('seal 2: it does not follow seal 1')]),
    )
  })

  /** Puts the right hash on an altered seal; only the key's holder could make its mac. */
  async function rehash(tenantId: string, sequence: number): Promise<void> {
    const [seal] = await audited.database.withTenant({ tenantId }, (tx) => sealsAfter(tx, sequence - 1, 1))
    if (seal === undefined) throw new Error('there is no such seal')
    await tamper(tenantId, `UPDATE audit_seals SET hash = decode($2, 'hex') WHERE sequence = $1`, [
      sequence,
      hashOf(tenantId, seal),
    ])
  }
})

describe('a tail that was cut off', () => {
  async function cutTail(tenantId: string, entryIds: readonly string[]): Promise<void> {
    await tamper(tenantId, 'DELETE FROM audit_entries WHERE id = ANY ($1)', [entryIds])
    await tamper(tenantId, 'DELETE FROM audit_seals WHERE sequence = 2')
  }

  it('leaves a valid chain, and is found by a stored head', async () => {
    const { tenantId, second } = await sealedTenant()
    const kept = await headOf(tenantId)
    expect(kept.sequence).toBe(2)
    expect(await complaintsWith(tenantId, kept)).toEqual([])
    await cutTail(tenantId, second)
    expect(await audited.complaints(tenantId)).toEqual([])
    expect(await complaintsWith(tenantId, kept)).toEqual([
      'seal 2: it was stored and is missing: the chain now ends at seal 1, its newest links were removed',
    ])
  })

  it('is found by its head when a new tail was sealed instead', async () => {
    const { tenantId, second } = await sealedTenant()
    const kept = await headOf(tenantId)
    await cutTail(tenantId, second)
    await audited.write(tenantId, 1, 4)
    await audited.seal(tenantId)
    expect(await audited.complaints(tenantId)).toEqual([])
    expect(await complaintsWith(tenantId, kept)).toEqual([
      'seal 2: its hash is not the stored one: the chain was made again',
    ])
  })

  it('an old stored head is still valid when the chain has grown', async () => {
    const { tenantId } = await sealedTenant()
    const head = await auditHead({ database: audited.database, scope: { tenantId } }, 1)
    expect(await complaintsWith(tenantId, head as KeptHead)).toEqual([])
  })
})
