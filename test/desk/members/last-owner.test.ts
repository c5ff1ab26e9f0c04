// A merchant always has an owner: through the API, in a race, and in raw SQL.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Api, emailOf, startApi } from '../../support/api.ts'
import { asOwner, asRuntime } from '../../support/database.ts'
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

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

const inA = (sql: string, values?: unknown[]) => rowsIn(api, 'A', sql, values)
const owners = async () =>
  (await inA(`SELECT email FROM members WHERE role = 'OWNER' AND status = 'ACTIVE'`)).map(
    ({ email }) => email,
  )
const first = emailOf('A', 'OWNER')

/** The only owner, made by startApi. */
beforeEach(async () => {
  await inA(`UPDATE members SET role = 'OWNER', status = 'ACTIVE' WHERE email = $1`, [first])
  await inA(`UPDATE members SET role = 'STAFF' WHERE role = 'OWNER' AND email <> $1`, [first])
  api.services.sessions.forget(api.tenantIds.A)
  expect(await owners()).toEqual([first])
})

describe('the last owner', () => {
  it('can neither leave nor get a lower role; the error says why', async () => {
    const { id, version } = await memberOf(api.as('A'), first)
    for (const role of ['ADMIN', 'STAFF', 'VIEWER'])
      expect(await manage(api.as('A'), CHANGE_ROLE, { id, expectedVersion: version, role })).toMatchObject({
        member: null,
        userErrors: [{ field: ['role'], code: 'LAST_OWNER' }],
      })
    expect(await manage(api.as('A'), REMOVE, { id, expectedVersion: version })).toMatchObject({
      member: null,
      userErrors: [{ field: ['id'], code: 'LAST_OWNER' }],
    })
    expect(await memberOf(api.as('A'), first)).toEqual({ id, email: first, version })
  })

  it('may leave when there is another owner, who is then the last', async () => {
    const heir = await newMember(api, 'A', 'OWNER')
    const { id, version } = await memberOf(api.as('A'), first)
    expect(await codesOf(api.as('A'), REMOVE, { id, expectedVersion: version })).toEqual([])
    expect(await owners()).toEqual([heir.email])
    expect(await codesOf(heir.session, REMOVE, { id: heir.id, expectedVersion: 1 })).toEqual(['LAST_OWNER'])
  })

  it('does not count an owner who was removed, nor by another tenant’s', async () => {
    const former = await newMember(api, 'A', 'OWNER')
    await newMember(api, 'B', 'OWNER')
    await manage(api.as('A'), REMOVE, { id: former.id, expectedVersion: 1 })
    const { id, version } = await memberOf(api.as('A'), first)
    expect(await codesOf(api.as('A'), REMOVE, { id, expectedVersion: version })).toEqual(['LAST_OWNER'])
  })
})

describe('several owners at once', () => {
  it('who all leave: one stays', async () => {
    for (let n = 0; n < 3; n += 1) {
      const others = [await newMember(api, 'A', 'OWNER'), await newMember(api, 'A', 'OWNER')]
      const { id, version } = await memberOf(api.as('A'), first)
      const answers = await Promise.all([
        codesOf(api.as('A'), REMOVE, { id, expectedVersion: version }),
        ...others.map((one) => codesOf(one.session, REMOVE, { id: one.id, expectedVersion: 1 })),
      ])
      expect(answers.flat()).toEqual(['LAST_OWNER'])
      expect(await owners()).toHaveLength(1)
      await inA(`UPDATE members SET role = 'OWNER', status = 'ACTIVE' WHERE email = $1`, [first])
      await inA(`UPDATE members SET role = 'STAFF' WHERE role = 'OWNER' AND email <> $1`, [first])
      api.services.sessions.forget(api.tenantIds.A)
    }
  })

  it('who make each other less: one stays', async () => {
    const other = await newMember(api, 'A', 'OWNER')
    const { id, version } = await memberOf(api.as('A'), first)
    const answers = await Promise.all([
      api.as('A').send(CHANGE_ROLE, { input: { id: other.id, expectedVersion: 1, role: 'VIEWER' } }),
      other.session.send(CHANGE_ROLE, { input: { id, expectedVersion: version, role: 'VIEWER' } }),
    ])
    expect(await owners()).toHaveLength(1)
    // The second one lost the role before, and may manage nobody.
    expect(answers.flatMap(({ errors }) => errors)).toMatchObject([{ code: 'FORBIDDEN' }])
  })
})

describe('the database itself', () => {
  const attempts = [
    `UPDATE members SET role = 'ADMIN' WHERE email = '${first}'`,
    `UPDATE members SET status = 'REMOVED' WHERE email = '${first}'`,
    `UPDATE members SET role = 'VIEWER'`,
    `UPDATE members SET status = 'REMOVED', role = 'VIEWER' WHERE role = 'OWNER'`,
  ]

  it.each(attempts)('refuses by BK011, for the server and for the owner role: %s', async (sql) => {
    for (const as of [asRuntime, asOwner])
      await expect(as(api.database, api.tenantIds.A, (client) => client.query(sql))).rejects.toMatchObject({
        code: 'BK011',
      })
    expect(await owners()).toEqual([first])
  })

  it('refuses one statement that would end all of several owners', async () => {
    await newMember(api, 'A', 'OWNER')
    const before = await owners()
    expect(before).toHaveLength(2)
    for (const sql of attempts.slice(2))
      await expect(
        asRuntime(api.database, api.tenantIds.A, (client) => client.query(sql)),
      ).rejects.toMatchObject({ code: 'BK011' })
    expect(await owners()).toEqual(before)
  })

  it('refuses to delete a member', async () => {
    const attempt = asRuntime(api.database, api.tenantIds.A, (client) => client.query('DELETE FROM members'))
    await expect(attempt).rejects.toMatchObject({ code: '42501' })
  })

  it('refuses writes to members without the permission to manage them', async () => {
    const attempt = asRuntime(
      api.database,
      api.tenantIds.A,
      (client) => client.query(`UPDATE members SET role = 'OWNER' WHERE role = 'STAFF'`),
      'things:write,places:write',
    )
    await expect(attempt).rejects.toMatchObject({ code: 'BK004' })
  })

  it('keeps one of two whose transactions overlap', async () => {
    const other = await newMember(api, 'A', 'OWNER')
    const dismiss = (where: string, value: string) =>
      asRuntime(api.database, api.tenantIds.A, async (client) => {
        await client.query(`UPDATE members SET status = 'REMOVED' WHERE ${where} = $1`, [value])
        // The other one has begun meanwhile, and waits.
        await client.query('SELECT pg_sleep(0.3)')
      }).then(
        () => 'done',
        (error: { code: string }) => error.code,
      )
    const ends = await Promise.all([dismiss('email', first), dismiss('id', uuidOf(other.id))])
    expect(ends.sort()).toEqual(['BK011', 'done'])
    expect(await owners()).toHaveLength(1)
  })
})
