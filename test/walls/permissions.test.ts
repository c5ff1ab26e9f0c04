// Each permission × each role × each operation, from the table of permissions and the schema. New permissions, roles,
// queries, fields and mutations are covered without further work.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ACCEPT_INVITATION,
  type GrantablePermission,
  isPermission,
  PERMISSIONS,
  permissionsOf,
  ROLES,
} from '../../src/auth/permissions.ts'
import { newId } from '../../src/core/ids.ts'
import type { NodeName } from '../../src/graphql/node-ids.ts'
import { nodeId } from '../../src/graphql/node-ids.ts'
import { buildSchema } from '../../src/schema.ts'
import { type Api, startApi } from '../support/api.ts'
import { asSuperuser } from '../support/database.ts'
import { documentOf, type Given, placesOf, slotsOf, withValue } from '../support/operations.ts'
import { succeedingArguments } from '../support/recipes.ts'
import { fillTenant } from '../support/samples.ts'
import { unique } from '../support/unique.ts'
import {
  type Bearer,
  everybody,
  keyWith,
  lacks,
  rowsBesideUse,
  shows,
  wronglyRefused,
  wronglyTaken,
} from './bearers.ts'
import { deletes, mutationsOf, neededByNode, type Operation, readsOf, showingRecord } from './needs.ts'

const schema = buildSchema()
/** Those that end a tenant's work come last. */
const all = mutationsOf(schema).toSorted((one, other) => endsWork(one) - endsWork(other))
const mutations = all.filter(({ needed }) => needed.length > 0)
/** For people who are not members yet: the use case itself admits only them. */
const WITHOUT_PERMISSION = ['mutation invitationAccept']
/** They show nothing that needs a permission, or check it themselves. */
const OPEN_QUERIES = ['query node', 'query nodes', 'query viewer']
const reads = readsOf(schema)
const nodeTypes = schema.getPossibleTypes(schema.getType('Node') as never).map(({ name }) => name as NodeName)
/** They show the caller and what belongs to every caller. */
const OPEN_NODES = ['Tenant', 'Viewer']
const named = (operations: readonly Operation[]) =>
  operations.map((operation) => [operation.place.name, operation] as const)

function endsWork({ place }: Operation): number {
  return place.field.name.startsWith('tenant') ? 1 : 0
}

let api: Api
let bearers: Bearer[]
beforeAll(async () => {
  api = await startApi()
  await fillTenant(api, 'A')
  bearers = await everybody(api, 'A')
})
afterAll(() => api?.close())

const owner = () => bearers.find(({ who }) => who === 'OWNER') as Bearer
const DONE = { errors: [], data: { answer: { userErrors: [] } } }

const ask = ({ send }: Bearer, { place, selection }: Operation, given: Given) =>
  send(documentOf(place, given, selection), given)

/** Valid arguments, new for each call. A provider connected by them sends no events, so that nothing else happens. */
async function argumentsOf({ place }: Operation): Promise<Given> {
  const given = await succeedingArguments(api, place, 'A')
  const slot = slotsOf(place.field).find(({ name }) => name === 'webhookSecret')
  return slot === undefined ? given : withValue(given, slot, `whsec_${unique('nobody-is-told')}`)
}

/** The wrong answers: callers who lack a permission must be refused, the others let through. */
async function judged(operation: Operation, asked: readonly Bearer[], given: Given): Promise<string[]> {
  const complaints: (string | null)[] = []
  for (const bearer of asked) {
    const judge = lacks(bearer, operation.needed) ? wronglyTaken : wronglyRefused
    complaints.push(judge(bearer, operation.needed, await ask(bearer, operation, given)))
  }
  return complaints.filter((complaint) => complaint !== null)
}

/** The same call, in a form whose first line does not show the mutation. */
function disguised({ place, selection }: Operation, given: Given): string[] {
  const document = documentOf(place, given, selection)
  const [head, call] = [
    document.slice(0, document.indexOf('{')),
    document.slice(document.indexOf('{') + 1, -1),
  ]
  const spread = (inner: string) => `${head} { __typename ${inner} }`
  return [
    spread(`... on Mutation { ${call.replace('answer:', 'other:')} }`),
    spread(`... @include(if: true) { ... { ${call} } }`),
    `${spread('...Read')} fragment Read on Mutation { ...Deeper } fragment Deeper on Mutation { ${call} }`,
  ]
}

/** Keys with all permissions that an operation needs, and with all but one. */
function keysAround({ needed }: Operation): Promise<Bearer[]> {
  const grantable = needed as readonly GrantablePermission[]
  const sets = [grantable, ...grantable.map((left) => grantable.filter((one) => one !== left))]
  return Promise.all(sets.filter(({ length }) => length > 0).map((set) => keyWith(api, 'A', set)))
}

/** Undoes a mutation that ended the tenant's work. */
async function reopen({ place }: Operation): Promise<void> {
  if (!place.field.name.startsWith('tenant')) return
  await asSuperuser(api.database, async (client) => {
    await client.query(`UPDATE app.tenant_directory SET status = 'ACTIVE' WHERE id = $1`, [api.tenantIds.A])
    await client.query('UPDATE tenants SET erasure_at = NULL WHERE tenant_id = $1', [api.tenantIds.A])
  })
  api.services.sessions.forget(api.tenantIds.A)
}

describe('the table of permissions', () => {
  it('every mutation names one permission of it, but for what only strangers may do', () => {
    const open = all.filter(({ needed }) => needed.length === 0).map(({ place }) => place.name)
    expect(open.filter((name) => !WITHOUT_PERMISSION.includes(name))).toEqual([])
    for (const { place, needed } of mutations) {
      expect(needed, place.name).toHaveLength(1)
      expect(
        needed.every((one) => isPermission(one) || one === ACCEPT_INVITATION),
        place.name,
      ).toBe(true)
    }
  })

  it('every query needs one, but for those that show nothing which does', () => {
    const needy = new Set(reads.filter(({ needed }) => needed.length > 0).map(({ place }) => place.name))
    const queries = placesOf(schema).filter(
      ({ operation, path }) => operation === 'query' && path.length === 0,
    )
    const open = queries.map(({ name }) => name).filter((name) => !needy.has(name))
    expect(open.toSorted()).toEqual(OPEN_QUERIES)
  })

  it('each role may do all that the next one may, a VIEWER writes nothing, and no role accepts invitations', () => {
    for (const [index, role] of ROLES.entries()) {
      const next = ROLES[index + 1]
      if (next !== undefined) expect(permissionsOf(role).isSupersetOf(permissionsOf(next)), role).toBe(true)
      expect(permissionsOf(role).has(ACCEPT_INVITATION)).toBe(false)
    }
    expect([...permissionsOf('VIEWER')].filter((permission) => !permission.endsWith(':read'))).toEqual([])
  })
})

describe('a read', () => {
  it.each(named(reads))('%s', async (_name, operation) => {
    const given = await succeedingArguments(api, operation.place, 'A')
    const asked = [...bearers, ...(await keysAround(operation))]
    expect(await judged(operation, asked, given)).toEqual([])
    expect((await ask(owner(), operation, given)).errors, 'who may, is shown it').toEqual([])
  })

  it.each(nodeTypes)('by id: %s', async (type) => {
    const permission = neededByNode(schema, type)
    expect(permission === undefined).toBe(OPEN_NODES.includes(type))
    for (const source of [
      'query ($id: ID!) { node(id: $id) { id } }',
      'query ($id: ID!) { nodes(ids: [$id]) { id } }',
    ]) {
      for (const bearer of bearers) {
        const answer = await bearer.send(source, { id: nodeId(type, newId()) })
        if (permission === undefined || bearer.permissions.has(permission))
          expect(answer.errors, bearer.who).toEqual([])
        else
          expect(answer.errors, bearer.who).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission } }])
      }
    }
  })
})

describe('a mutation', () => {
  it.each(named(mutations))(
    '%s is refused without its permission, names the permission, and writes nothing; with it, it is done',
    async (_name, operation) => {
      const given = await argumentsOf(operation)
      const refused = bearers.filter((bearer) => lacks(bearer, operation.needed))
      expect(refused.length).toBeGreaterThanOrEqual(PERMISSIONS.length)
      for (const bearer of bearers) await bearer.send('{ viewer { permissions } }')
      const before = await rowsBesideUse(api, 'A')
      expect(await judged(operation, refused, given)).toEqual([])
      for (const bearer of refused.filter(({ who }) => who === 'VIEWER'))
        for (const source of disguised(operation, given))
          expect(wronglyTaken(bearer, operation.needed, await bearer.send(source, given)), source).toBeNull()
      expect(await rowsBesideUse(api, 'A')).toEqual(before)
      if (lacks(owner(), operation.needed)) return
      expect(await ask(owner(), operation, given), 'the same call').toMatchObject(DONE)
      expect(await rowsBesideUse(api, 'A'), 'it writes').not.toEqual(before)
      await reopen(operation)
    },
  )

  it.each(named(mutations))(
    '%s is let through for every role and key that has its permission',
    async (_name, operation) => {
      for (const bearer of bearers.filter((one) => !lacks(one, operation.needed))) {
        const given = await argumentsOf(operation)
        expect(await judged(operation, [bearer], given)).toEqual([])
        await reopen(operation)
      }
    },
  )

  const showing = mutations.flatMap((operation) => showingRecord(schema, operation))
  it.each(showing.map((operation) => [`${operation.place.name}, ${operation.shown},`, operation] as const))(
    '%s shows what hangs on its record to nobody who may not read it: it is done, and that is null',
    async (_name, operation) => {
      if (lacks(owner(), operation.needed)) return
      const own = operation.place.field.extensions.permission as GrantablePermission
      const [withAll, ...without] = await keysAround(operation)
      for (const key of without) {
        const given = await succeedingArguments(api, operation.place, 'A')
        await key.send('{ viewer { permissions } }')
        const before = await rowsBesideUse(api, 'A')
        const answer = await ask(key, operation, given)
        const name = `${operation.place.name}, ${operation.shown}, ${key.who}`
        if (!key.permissions.has(own)) {
          expect(wronglyTaken(key, operation.needed, answer), name).toBeNull()
          expect(await rowsBesideUse(api, 'A'), name).toEqual(before)
          continue
        }
        expect(shows(answer.data, [operation.shown ?? '']), name).toBe(false)
        expect(answer.data.answer.userErrors, name).toEqual([])
        expect(await rowsBesideUse(api, 'A'), name).not.toEqual(before)
        const missing = operation.needed.filter((permission) => !key.permissions.has(permission))
        const named = answer.errors.map(({ code, extensions }) => [code, extensions.permission])
        // Of a deleted record nothing is shown, so nothing is refused.
        expect(named, name).toEqual(deletes(operation.place) ? [] : [['FORBIDDEN', missing[0]]])
        await reopen(operation)
      }
      const given = await argumentsOf(operation)
      expect(await judged(operation, [withAll as Bearer], given)).toEqual([])
      await reopen(operation)
    },
  )
})

it('what only strangers may do is done for no member, key or supporter', async () => {
  for (const operation of all.filter(({ place }) => WITHOUT_PERMISSION.includes(place.name))) {
    const given = await argumentsOf(operation)
    for (const bearer of bearers) await bearer.send('{ viewer { permissions } }')
    const before = await rowsBesideUse(api, 'A')
    for (const bearer of bearers) {
      const { data, errors } = await ask(bearer, operation, given)
      const refusals = errors.length + (data?.answer?.userErrors.length ?? 0)
      expect(refusals, `${bearer.who}: ${operation.place.name}`).toBeGreaterThan(0)
    }
    expect(await rowsBesideUse(api, 'A')).toEqual(before)
  }
})

describe('a way around', () => {
  const CREATE = 'supportAccessGrant(input: { hours: 1, reason: "Way" }) { userErrors { message } }'
  const BESIDE = 'exportCreate(input: {}) { userErrors { message } }'

  it('of several mutations the refused one is null and not run, and the others are done', async () => {
    // Nobody grants more than they have.
    const others = PERMISSIONS.filter((permission) => permission !== 'tenant:manage')
    const key = await keyWith(api, 'B', others)
    for (const source of [`mutation { ${CREATE} ${BESIDE} }`, `mutation { ${BESIDE} ${CREATE} }`]) {
      const before = await rowsBesideUse(api, 'B')
      const { data, errors } = await key.send(source)
      const refusal = { code: 'FORBIDDEN', path: 'exportCreate', extensions: { permission: 'tenant:manage' } }
      expect(errors).toMatchObject([refusal])
      expect(data).toEqual({ exportCreate: null, supportAccessGrant: { userErrors: [] } })
      const after = await rowsBesideUse(api, 'B')
      expect(after.exports).toEqual(before.exports)
      expect(after.support_grants?.length).toBe((before.support_grants?.length ?? 0) + 1)
    }
  })

  it('an @include with a variable does not skip the check', async () => {
    const key = await keyWith(api, 'A', ['support:manage'])
    const source = `mutation ($yes: Boolean!) { ${BESIDE.replace(') {', ') @include(if: $yes) {')} }`
    const { errors } = await key.send(source, { yes: true })
    expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission: 'tenant:manage' } }])
  })

  it('is not a permission of another tenant: a key and a member are what they are in their own', async () => {
    const key = await keyWith(api, 'B', PERMISSIONS)
    const before = await rowsBesideUse(api, 'A')
    for (const { send } of [key, api.as('B')])
      expect((await send(`mutation { ${CREATE} ${BESIDE} }`)).errors).toEqual([])
    expect(await rowsBesideUse(api, 'A')).toEqual(before)
  })

  it('is not a permission with a name of its own in a key: what is not in the table gives nothing', async () => {
    const odd = ['*', 'system', ACCEPT_INVITATION, 'members:*', 'members:manage ', 'MEMBERS:MANAGE']
    const key = await keyWith(api, 'A', odd as GrantablePermission[])
    const { data } = await key.send('{ viewer { permissions } }')
    expect(data.viewer.permissions).toEqual([])
    for (const operation of mutations) {
      const answer = await ask(key, operation, await argumentsOf(operation))
      expect(wronglyTaken({ ...key, permissions: new Set() }, operation.needed, answer)).toBeNull()
    }
  })
})
