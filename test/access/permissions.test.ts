// Each permission × each role × each operation, made from the table of permissions and the schema: who is let through,
// and what those who are not are told.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ACCEPT_INVITATION,
  PERMISSIONS,
  type Permission,
  permissionsOf,
  ROLES,
} from '../../src/commands/permissions.ts'
import { buildSchema } from '../../src/graphql/schema.ts'
import { type Api, startApi } from '../support/api.ts'
import { type Operation, operationsOf } from '../support/attempts.ts'
import { asOwner } from '../support/database.ts'
import { askWithKey, makeKey } from '../support/keys.ts'

/** What anybody may ask who is let in at all: it shows nothing that needs a permission, or asks for it by itself. */
const OPEN = ['query node', 'query nodes', 'query roles', 'query viewer']

const operations = operationsOf(buildSchema())
const guarded = operations.filter(({ needs }) => needs.length > 0)

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

type Told = { message: string; code: unknown; permission: unknown }

/** The refusals among an answer's errors: nothing else counts here, since the operations mean nothing. */
function refusalsIn(errors: readonly { message: string; extensions: Record<string, unknown> }[]): Told[] {
  return errors.flatMap(({ message, extensions: { code, permission } }) =>
    code === 'FORBIDDEN' || code === 'UNAUTHENTICATED' ? [{ message, code, permission }] : [],
  )
}

function refusalFor(permission: unknown): Told[] {
  return [{ message: `this needs the permission ${permission}`, code: 'FORBIDDEN', permission }]
}

/** Past the API, so that a key may have any list; made by nobody, so that nothing else bounds it. */
async function keyWith(permissions: readonly string[]): Promise<string> {
  const { secret } = await makeKey(api.as('A'), ['orders:read'])
  await asOwner(api.database, api.tenantIds.A, (owner) =>
    owner.query('UPDATE api_keys SET permissions = $1 WHERE hint = $2', [permissions, secret.slice(-4)]),
  )
  return secret
}

it('every operation needs a permission, but those that show nothing to need one for', () => {
  const open = operations.filter(({ needs }) => needs.length === 0).map(({ name }) => name)
  expect(open.sort()).toEqual(OPEN)
  const known: readonly string[] = [...PERMISSIONS, ACCEPT_INVITATION]
  for (const { name, needs } of guarded)
    for (const permission of needs) expect(known, name).toContain(permission)
})

describe.each(ROLES)('%s', (role) => {
  it.each(guarded.map((operation): [string, Operation] => [operation.name, operation]))(
    'is let through to %s with its permissions, or told which one is missing',
    async (_name, { source, variables, needs }) => {
      const held: ReadonlySet<string> = permissionsOf(role)
      const { errors } = await api.as('A', role).send(source, variables)
      const shown = errors.map(({ message, code, extensions }) => ({
        message,
        extensions: { code, ...extensions },
      }))
      const missing = needs.find((permission) => !held.has(permission))
      expect(refusalsIn(shown)).toEqual(missing === undefined ? [] : refusalFor(missing))
    },
  )

  it('is shown by the API what it may do, and the same by the list of roles', async () => {
    const { viewer, roles } = await api
      .as('A', role)
      .data('{ viewer { role permissions } roles { name permissions } }')
    const held = [...permissionsOf(role)]
    expect(viewer).toEqual({ role, permissions: held.toSorted() })
    expect(roles.map(({ name }: { name: string }) => name)).toEqual(ROLES)
    const own = roles.find(({ name }: { name: string }) => name === role)
    expect(own.permissions.toSorted()).toEqual(held.toSorted())
  })
})

describe('a key', () => {
  // Nobody is given the one that is somebody's who was invited.
  const grantable = guarded.filter(({ needs }) => !needs.includes(ACCEPT_INVITATION))
  const sets = [...new Set(grantable.map(({ needs }) => needs.toSorted().join()))]

  it.each(sets)('with %s and nothing else is let through to all that says it needs that', async (set) => {
    const secret = await keyWith(set.split(','))
    for (const { name, source, variables } of guarded.filter(
      ({ needs }) => needs.toSorted().join() === set,
    )) {
      const { errors } = await askWithKey({ url: api.url, secret, source, variables })
      expect(refusalsIn(errors), name).toEqual([])
    }
  })

  it.each(sets.flatMap((set) => set.split(',')))(
    'with everything but %s is told that it lacks this',
    async (lacked) => {
      const secret = await keyWith(PERMISSIONS.filter((permission) => permission !== lacked))
      for (const { name, source, variables } of guarded.filter(({ needs }) => needs.includes(lacked))) {
        const { errors } = await askWithKey({ url: api.url, secret, source, variables })
        expect(refusalsIn(errors), name).toEqual(refusalFor(lacked))
      }
    },
  )

  it('whose list holds what this version does not know gets nothing by it', async () => {
    const secret = await keyWith(['orders:fly', '*', 'system', 'invitations:accept', 'orders:read'])
    const { data } = await askWithKey({ url: api.url, secret })
    expect(data.viewer.permissions).toEqual(['orders:read'])
  })
})

it('a role may all that the next one may', () => {
  ROLES.slice(1).forEach((role, index) => {
    const above: ReadonlySet<Permission> = permissionsOf(ROLES[index] as (typeof ROLES)[number])
    expect([...permissionsOf(role)].every((permission) => above.has(permission))).toBe(true)
  })
})
