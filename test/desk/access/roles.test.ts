// The table of roles in the API.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { permissionsOf, ROLES } from '../../../src/auth/permissions.ts'
import { type Api, startApi } from '../../support/api.ts'
import { asOwner } from '../../support/database.ts'
import { askWithKey, makeKey } from '../../support/keys.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

it.each(ROLES)('%s sees its own permissions', async (role) => {
  const { viewer } = await api.as('A', role).data('{ viewer { role permissions } }')
  expect(viewer).toEqual({ role, permissions: [...permissionsOf(role)].toSorted() })
})

it('the list of roles has those of each', async () => {
  const { roles } = await api.as('A', 'ADMIN').data('{ roles { name permissions } }')
  const listed = roles.map(({ name, permissions }: { name: string; permissions: string[] }) => [
    name,
    permissions.toSorted(),
  ])
  expect(listed).toEqual(ROLES.map((role) => [role, [...permissionsOf(role)].toSorted()]))
})

it.each([
  ['{ roles { name } }', 'members:read'],
  ['{ viewer { apiKey { createdBy } } }', 'keys:manage'],
  ['{ viewer { tenant { erasureAt } } }', 'tenant:manage'],
])('a key that may read records alone does not read %s', async (source, permission) => {
  const { secret } = await makeKey(api.as('A'), ['things:read'])
  const { errors } = await askWithKey({ url: api.url, secret, source })
  expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', permission } }])
})

it('a key’s unknown permission gives nothing', async () => {
  const { secret } = await makeKey(api.as('A'), ['things:read'])
  // Inserted directly, as a later version might have left it.
  const list = ['things:fly', '*', 'system', 'invitations:accept', 'things:read']
  await asOwner(api.database, api.tenantIds.A, (owner) =>
    owner.query('UPDATE api_keys SET permissions = $1 WHERE hint = $2', [list, secret.slice(-4)]),
  )
  const { data } = await askWithKey({ url: api.url, secret })
  expect(data.viewer.permissions).toEqual(['things:read'])
})
