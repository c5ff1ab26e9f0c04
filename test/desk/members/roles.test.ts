// Changing and removing members: which roles may change which, and what stays impossible.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { permissionsOf, ROLES, type Role } from '../../../src/auth/permissions.ts'
import { newId } from '../../../src/core/ids.ts'
import { type Api, emailOf, type Session, startApi } from '../../support/api.ts'
import { makeKey } from '../../support/keys.ts'
import {
  CHANGE_ROLE,
  codesOf,
  manage,
  memberOf,
  newMember,
  REMOVE,
  rowsIn,
  uuidOf,
} from '../../support/people.ts'

const NO_PERMISSION = [{ code: 'FORBIDDEN', extensions: { permission: 'members:manage' } }]
const NOT_A_MEMBER = [{ code: 'FORBIDDEN', message: 'You are not a member of this tenant.' }]
const VIEWER = '{ viewer { permissions } }'
const MEMBERS = '{ members { totalCount } }'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

const inA = (sql: string, values?: unknown[]) => rowsIn(api, 'A', sql, values)
const mayManage = (role: Role) => role === 'OWNER' || role === 'ADMIN'
const below = (role: Role, other: Role) => ROLES.indexOf(role) > ROLES.indexOf(other)

describe('memberChangeRole', () => {
  it('acts at the very next request, in both ways', async () => {
    const { id, session } = await newMember(api, 'A', 'VIEWER')
    expect((await session.send(MEMBERS)).errors).toMatchObject([{ code: 'FORBIDDEN' }])
    const up = { id, expectedVersion: 1, role: 'ADMIN' }
    expect(await manage(api.as('A'), CHANGE_ROLE, up)).toEqual({
      member: { id, role: 'ADMIN', status: 'ACTIVE', version: 2 },
      userErrors: [],
    })
    expect((await session.send(MEMBERS)).errors).toEqual([])
    expect(await codesOf(api.as('A'), CHANGE_ROLE, { id, expectedVersion: 2, role: 'VIEWER' })).toEqual([])
    expect((await session.send(MEMBERS)).errors).toMatchObject([{ code: 'FORBIDDEN' }])
  })

  it('is in the audit with before and after', async () => {
    const { id } = await newMember(api, 'A', 'VIEWER')
    await manage(api.as('A', 'ADMIN'), CHANGE_ROLE, { id, expectedVersion: 1, role: 'STAFF' })
    const sql = `SELECT actor_label, before, after FROM audit_entries WHERE action = 'memberChangeRole' AND subject_id = $1`
    const [entry] = await inA(sql, [uuidOf(id)])
    expect(entry).toMatchObject({
      actor_label: emailOf('A', 'ADMIN'),
      before: { role: 'VIEWER' },
      after: { role: 'STAFF' },
    })
  })

  it.each(ROLES)('by %s: only for members, and to roles, that may do no more than they', async (role) => {
    const session = api.as('A', role)
    for (const from of ROLES) {
      const { id } = await newMember(api, 'A', from)
      for (const to of ROLES) {
        const { version, role: has } = await withRole(id)
        const input = { id, expectedVersion: version, role: to }
        const { data, errors } = await session.send(CHANGE_ROLE, { input })
        if (!mayManage(role)) {
          expect(errors).toMatchObject(NO_PERMISSION)
          continue
        }
        const expected = [
          ...(below(role, has) ? [['id', 'ROLE_TOO_HIGH']] : []),
          ...(below(role, to) ? [['role', 'ROLE_TOO_HIGH']] : []),
        ]
        const told = data.memberChangeRole.userErrors as { field: string[]; code: string }[]
        expect(told.map(({ field, code }) => [...field, code])).toEqual(expected)
        expect((await withRole(id)).role).toBe(expected.length === 0 ? to : has)
      }
    }
  })

  it.each(ROLES.filter((role) => role !== 'OWNER'))(
    'a member who is %s does not promote themselves',
    async (role) => {
      const { id, session } = await newMember(api, 'A', role)
      for (const wanted of ROLES.filter((other) => below(role, other))) {
        const input = { id, expectedVersion: 1, role: wanted }
        const { data, errors } = await session.send(CHANGE_ROLE, { input })
        if (role === 'ADMIN')
          expect(data.memberChangeRole.userErrors).toMatchObject([{ code: 'ROLE_TOO_HIGH' }])
        else expect(errors).toMatchObject(NO_PERMISSION)
      }
      expect(await withRole(id)).toEqual({ role, version: 1 })
    },
  )

  it('by a member who lost the role during the request is refused', async () => {
    const admin = await newMember(api, 'A', 'ADMIN')
    const friend = await newMember(api, 'A', 'VIEWER')
    // Cached as an ADMIN here; another process has changed that.
    expect((await admin.session.send(MEMBERS)).errors).toEqual([])
    await inA(`UPDATE members SET role = 'STAFF' WHERE id = $1`, [uuidOf(admin.id)])
    const input = { id: friend.id, expectedVersion: 1, role: 'ADMIN' }
    expect((await admin.session.send(CHANGE_ROLE, { input })).errors).toMatchObject(NO_PERMISSION)
    await inA(`UPDATE members SET status = 'REMOVED' WHERE id = $1`, [uuidOf(admin.id)])
    expect((await admin.session.send(CHANGE_ROLE, { input })).errors).toMatchObject(NOT_A_MEMBER)
    expect(await withRole(friend.id)).toEqual({ role: 'VIEWER', version: 1 })
  })

  it('two who demote each other at once are serialised', async () => {
    for (let n = 0; n < 5; n += 1) {
      const one = await newMember(api, 'A', 'ADMIN')
      const other = await newMember(api, 'A', 'ADMIN')
      const answers = await Promise.all([
        one.session.send(CHANGE_ROLE, { input: { id: other.id, expectedVersion: 1, role: 'VIEWER' } }),
        other.session.send(CHANGE_ROLE, { input: { id: one.id, expectedVersion: 1, role: 'VIEWER' } }),
      ])
      expect(answers.filter(({ errors }) => errors.length === 0)).toHaveLength(1)
      const roles = [(await withRole(one.id)).role, (await withRole(other.id)).role]
      expect(roles.sort()).toEqual(['ADMIN', 'VIEWER'])
    }
  })

  it('of a version that was changed meanwhile is a conflict', async () => {
    const { id } = await newMember(api, 'A', 'VIEWER')
    await manage(api.as('A'), CHANGE_ROLE, { id, expectedVersion: 1, role: 'STAFF' })
    const late = { id, expectedVersion: 1, role: 'ADMIN' }
    expect(await codesOf(api.as('A'), CHANGE_ROLE, late)).toEqual(['CONFLICT', 'CONFLICT'])
    expect(await withRole(id)).toEqual({ role: 'STAFF', version: 2 })
  })

  it('cross-tenant: another tenant’s member is NOT_FOUND, like an absent one', async () => {
    const foreign = await newMember(api, 'B', 'VIEWER')
    const gone = await newMember(api, 'A', 'VIEWER')
    await manage(api.as('A'), REMOVE, { id: gone.id, expectedVersion: 1 })
    for (const source of [CHANGE_ROLE, REMOVE]) {
      const answers = new Set<string>()
      for (const id of [foreign.id, gone.id, `mem_${'0'.repeat(26)}`, 'nonsense', '']) {
        const role = source === REMOVE ? {} : { role: 'ADMIN' }
        answers.add(JSON.stringify(await manage(api.as('A'), source, { id, expectedVersion: 1, ...role })))
      }
      expect(answers.size).toBe(1)
      expect([...answers][0]).toContain('NOT_FOUND')
    }
    expect(await memberOf(api.as('B'), foreign.email)).toMatchObject({ version: 1 })
  })
})

describe('memberRemove', () => {
  it('case 32: takes effect at the next request, although the token is still valid', async () => {
    const { id, session, email } = await newMember(api, 'A', 'STAFF')
    expect((await session.send(VIEWER)).errors).toEqual([])
    expect(await manage(api.as('A', 'ADMIN'), REMOVE, { id, expectedVersion: 1 })).toEqual({
      member: { id, role: 'STAFF', status: 'REMOVED', version: 2 },
      userErrors: [],
    })
    expect((await session.send(VIEWER)).errors).toMatchObject(NOT_A_MEMBER)
    expect(await memberOf(api.as('A'), email)).toBeUndefined()
    expect(await inA('SELECT status FROM members WHERE email = $1', [email])).toEqual([{ status: 'REMOVED' }])
  })

  it.each(ROLES)('by %s: reaches those who may do no more', async (role) => {
    for (const target of ROLES) {
      const { id } = await newMember(api, 'A', target)
      const { data, errors } = await api.as('A', role).send(REMOVE, { input: { id, expectedVersion: 1 } })
      if (!mayManage(role)) expect(errors).toMatchObject(NO_PERMISSION)
      else {
        const codes = data.memberRemove.userErrors.map(({ code }: { code: string }) => code)
        expect(codes).toEqual(below(role, target) ? ['ROLE_TOO_HIGH'] : [])
      }
    }
  })

  it('lets a member leave', async () => {
    const { id, session } = await newMember(api, 'A', 'ADMIN')
    expect(await manage(session, REMOVE, { id, expectedVersion: 1 })).toMatchObject({
      member: { status: 'REMOVED' },
      userErrors: [],
    })
    expect((await session.send(VIEWER)).errors).toMatchObject(NOT_A_MEMBER)
  })

  it('of one person by ten at once removes them once', async () => {
    const { id } = await newMember(api, 'A')
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => codesOf(api.as('A'), REMOVE, { id, expectedVersion: 1 })),
    )
    expect(answers.filter((codes) => codes.length === 0)).toHaveLength(1)
    expect(new Set(answers.flat())).toEqual(new Set(['NOT_FOUND']))
  })
})

describe('the API keys that a member made', () => {
  const READS = ['things:read', 'places:read']
  const WRITES = ['things:write', 'members:manage', 'keys:manage']

  /** A key that reads and one that writes, and one of each that the writing one made. */
  async function makeKeys(memberId: string): Promise<string[]> {
    const ids = [newId(), newId(), newId(), newId()]
    const makers = [uuidOf(memberId), uuidOf(memberId), ids[1], ids[2]]
    for (const [n, id] of ids.entries()) {
      await inA(
        `INSERT INTO api_keys (id, name, hint, hash, permissions, created_by_id, created_by)
         VALUES ($1, 'key', 'bk_', sha256(convert_to($2, 'UTF8')), $3, $4, '')`,
        [id, id, n % 2 === 0 ? READS : WRITES, makers[n]],
      )
    }
    return ids
  }
  const active = async (ids: string[]) => {
    const sql = 'SELECT id FROM api_keys WHERE revoked_at IS NULL AND id = ANY ($1)'
    const found = new Set((await inA(sql, [ids])).map(({ id }) => id))
    return ids.map((id) => found.has(id))
  }

  it('end with them, and so do those that these keys made, each in the audit', async () => {
    const { id } = await newMember(api, 'A', 'ADMIN')
    const keys = await makeKeys(id)
    const others = await makeKeys((await newMember(api, 'A', 'ADMIN')).id)
    await manage(api.as('A'), REMOVE, { id, expectedVersion: 1 })
    expect(await active(keys)).toEqual([false, false, false, false])
    expect(await active(others)).toEqual([true, true, true, true])
    const sql = `SELECT FROM audit_entries WHERE action = 'memberRemove' AND subject_type = 'ApiKey' AND subject_id = ANY ($1)`
    expect(await inA(sql, [keys])).toHaveLength(4)
  })

  it('that may do more than their new role end when they are made less', async () => {
    const { id } = await newMember(api, 'A', 'ADMIN')
    const keys = await makeKeys(id)
    await manage(api.as('A'), CHANGE_ROLE, { id, expectedVersion: 1, role: 'VIEWER' })
    expect(await active(keys)).toEqual([true, false, true, false])
  })

  it('only another owner takes over: not the one who leaves, not an administrator, not a key', async () => {
    const admin = await newMember(api, 'A', 'ADMIN')
    const leaving = await newMember(api, 'A', 'OWNER')
    const { secret } = await makeKey(leaving.session, [...permissionsOf('OWNER')])
    const keys = await makeKeys(admin.id)
    const keep = { id: admin.id, expectedVersion: 1, keepApiKeys: true }
    const tooHigh = [{ field: ['keepApiKeys'], code: 'ROLE_TOO_HIGH' }]
    for (const session of [admin.session, api.as('A', 'ADMIN'), api.bearing(secret) as Session]) {
      expect((await manage(session, REMOVE, keep)).userErrors).toMatchObject(tooHigh)
      const less = await manage(session, CHANGE_ROLE, { ...keep, role: 'VIEWER' })
      expect(less.userErrors).toMatchObject(tooHigh)
    }
    const own = { ...keep, id: leaving.id }
    expect((await manage(leaving.session, REMOVE, own)).userErrors).toMatchObject(tooHigh)
    const byOwnKey = await manage(api.bearing(secret) as Session, REMOVE, own)
    expect(byOwnKey.userErrors).toMatchObject(tooHigh)
    expect(await active(keys)).toEqual([true, true, true, true])
    expect(await withRole(admin.id)).toEqual({ role: 'ADMIN', version: 1 })
  })

  it('that an owner takes over stay valid, give the former member no access, and end with the owner', async () => {
    const keeper = await newMember(api, 'A', 'OWNER')
    const admin = await newMember(api, 'A', 'ADMIN')
    const { id, secret } = await makeKey(admin.session, ['keys:manage', 'things:read'])
    const child = await makeKey(api.bearing(secret) as Session, ['things:read'])
    const keep = { id: admin.id, expectedVersion: 1, keepApiKeys: true }
    expect(await codesOf(keeper.session, REMOVE, keep)).toEqual([])
    const permissions = async (bearing: string) =>
      (await api.bearing(bearing).send('{ viewer { permissions } }')).data?.viewer.permissions
    expect(await permissions(secret)).toEqual(['keys:manage', 'things:read'])
    expect(await permissions(child.secret)).toEqual(['things:read'])
    const [row] = await inA('SELECT created_by, created_by_id FROM api_keys WHERE id = $1', [uuidOf(id)])
    expect(row).toEqual({ created_by: keeper.email, created_by_id: uuidOf(keeper.id) })
    const sql = `SELECT before, after FROM audit_entries WHERE action = 'memberRemove' AND subject_id = $1`
    expect(await inA(sql, [uuidOf(id)])).toEqual([
      { before: { createdBy: admin.email }, after: { createdBy: keeper.email } },
    ])
    expect(await codesOf(api.as('A'), REMOVE, { id: keeper.id, expectedVersion: 1 })).toEqual([])
    expect(await active([uuidOf(id), uuidOf(child.id)])).toEqual([false, false])
  })

  it('stay when an owner says so, and when it is refused', async () => {
    const { id } = await newMember(api, 'A', 'OWNER')
    const keys = await makeKeys(id)
    expect(await codesOf(api.as('A', 'ADMIN'), REMOVE, { id, expectedVersion: 1 })).toEqual(['ROLE_TOO_HIGH'])
    const less = { id, expectedVersion: 1, role: 'VIEWER', keepApiKeys: true }
    expect(await codesOf(api.as('A'), CHANGE_ROLE, less)).toEqual([])
    const gone = { id, expectedVersion: 2, keepApiKeys: true }
    expect(await codesOf(api.as('A'), REMOVE, gone)).toEqual([])
    expect(await active(keys)).toEqual([true, true, true, true])
  })
})

async function withRole(id: string): Promise<{ role: Role; version: number }> {
  const [row] = await inA('SELECT role, version FROM members WHERE id = $1', [uuidOf(id)])
  return row as { role: Role; version: number }
}
