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

it.each(ROLES)('%s sees its permissions, the same as in the list of roles', async (role) => {
  const { viewer, roles } = await api
    .as('A', role)
    .data('{ viewer { role permissions } roles { name permissions } }')
  const held = [...permissionsOf(role)]
  expect(viewer).toEqual({ role, permissions: held.toSorted() })
  expect(roles.map(({ name }: { name: string }) => name)).toEqual(ROLES)
  const own = roles.find(({ name }: { name: string }) => name === role)
  expect(own.permissions.toSorted()).toEqual(held.toSorted())
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
