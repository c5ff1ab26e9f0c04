// The viewer, and who may see the other members.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROLES } from '../../../src/auth/permissions.ts'
import { type Api, emailOf, startApi } from '../../support/api.ts'
import { asOwner } from '../../support/database.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

describe.each(ROLES)('%s', (role) => {
  it('sees themselves, their tenant and what they may do', async () => {
    const { viewer } = await api
      .as('A', role)
      .data('{ viewer { member { email role name } tenant { slug name currency } permissions } }')
    expect(viewer.member).toMatchObject({ email: emailOf('A', role), role })
    expect(viewer.tenant).toEqual({ slug: 'anchor', name: 'Anchor Alpha', currency: 'USD' })
    expect(viewer.permissions).toEqual(
      viewer.permissions.toSorted((x: string, y: string) => (x < y ? -1 : 1)),
    )
    expect(viewer.permissions.includes('things:write')).toBe(role !== 'VIEWER')
    expect(viewer.permissions.includes('members:read')).toBe(role === 'OWNER' || role === 'ADMIN')
  })

  it('sees the others only with members:read', async () => {
    const { data, errors } = await api.as('A', role).send('{ members { totalCount nodes { email } } }')
    if (role === 'OWNER' || role === 'ADMIN') {
      expect(errors).toEqual([])
      const emails = ROLES.map((other) => emailOf('A', other)).sort()
      expect(data.members).toEqual({ totalCount: 4, nodes: emails.map((email) => ({ email })) })
    } else {
      expect(data).toBeNull()
      expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission: 'members:read' } }])
    }
  })
})

it('cross-tenant: each tenant has its own viewer, name and members', async () => {
  const source = '{ viewer { tenant { slug } member { email } } members { nodes { email } } }'
  const [a, b] = [await api.as('A').data(source), await api.as('B').data(source)]
  expect(a.viewer.tenant.slug).toBe('anchor')
  expect(b.viewer.tenant.slug).toBe('bollard')
  expect(JSON.stringify(b)).not.toContain('anchor')
  expect(JSON.stringify(a)).not.toContain('bollard')
})

it('a removed member is in no list', async () => {
  await asOwner(api.database, api.tenantIds.B, (owner) =>
    owner.query(`UPDATE members SET status = 'REMOVED' WHERE role = 'STAFF'`),
  )
  const { members } = await api.as('B', 'ADMIN').data('{ members { totalCount nodes { email } } }')
  expect(members.totalCount).toBe(3)
  expect(JSON.stringify(members.nodes)).not.toContain(emailOf('B', 'STAFF'))
})
