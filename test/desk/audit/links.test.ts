// The objects that audit entries link: read together, under the caller's permissions and tenant.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Api, startApi } from '../../support/api.ts'
import { invite, newEmail } from '../../support/people.ts'
import { countStatements } from '../../support/statements.ts'
import { keyWith } from '../../walls/bearers.ts'

const INVITED = 5

let api: Api
beforeAll(async () => {
  api = await startApi()
  for (const tenant of ['A', 'B'] as const)
    for (let index = 0; index < INVITED; index += 1)
      await invite(api.as(tenant, 'ADMIN'), { email: newEmail(), role: 'VIEWER' })
})
afterAll(() => api?.close())

const ENTRIES = `query ($first: Int) { auditEntries(first: $first, filter: { action: ["memberInvite"] }) { nodes {
  actor { actorId node { __typename id ... on Member { email } } }
  subject { subjectId node { __typename id ... on Invitation { email } } } } } }`

/** The number of statements besides the look-up of the caller's membership. */
async function statementsOf<T>(work: () => Promise<T>): Promise<{ result: T; statements: number }> {
  const { result, statements } = await countStatements(work)
  return { result, statements: statements.filter((text) => !/resolve_member/.test(text)).length }
}

type Link = { node: { id: string; email: string } | null }
type Entry = { actor: Link & { actorId: string }; subject: Link & { subjectId: string } }

it('an entry links its actor and its subject, which are read with one statement for all entries', async () => {
  const a = api.as('A')
  const { result, statements } = await statementsOf(() => a.data(ENTRIES, { first: INVITED }))
  const entries: Entry[] = result.auditEntries.nodes
  expect(entries).toHaveLength(INVITED)
  for (const { actor, subject } of entries) {
    expect(actor.node).toEqual({ __typename: 'Member', id: actor.actorId, email: 'admin@anchor.example' })
    expect(subject.node).toMatchObject({ __typename: 'Invitation', id: subject.subjectId })
  }
  expect(new Set(entries.map(({ subject }) => subject.node?.email)).size).toBe(INVITED)
  expect((await statementsOf(() => a.data(ENTRIES, { first: 1 }))).statements).toBe(statements)
  // The entries, the members and the invitations.
  expect(statements).toBe(3)
})

it('a link is null, without an error, for a caller who may not read the object', async () => {
  const key = await keyWith(api, 'A', ['audit:read'])
  const { data, errors } = await key.send(ENTRIES, {
    first: INVITED,
  })
  expect(errors).toEqual([])
  for (const { actor, subject } of data.auditEntries.nodes as Entry[]) {
    expect([actor.node, subject.node]).toEqual([null, null])
    expect([actor.actorId, subject.subjectId]).toEqual([expect.any(String), expect.any(String)])
  }
})

it('the tenant, the caller and the roles have ids, so that a cache updates them by what a mutation shows', async () => {
  const a = api.as('A')
  const { viewer, roles } = await a.data('{ viewer { id tenant { id version } } roles { id name } }')
  const { tenantUpdate } = await a.data(
    `mutation ($version: Int!) { tenantUpdate(input: { expectedVersion: $version, name: "Renamed" }) { tenant { id name } } }`,
    { version: viewer.tenant.version },
  )
  expect(tenantUpdate.tenant).toEqual({ id: viewer.tenant.id, name: 'Renamed' })
  const ids = [viewer.id, viewer.tenant.id, ...roles.map(({ id }: { id: string }) => id)]
  expect(new Set(ids).size).toBe(ids.length)
  const NODES = `query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Viewer { role } ... on Tenant { name }
    ... on RoleDefinition { name } } }`
  expect(
    (
      await a.data(
        NODES.replace('{ name } }', '{ roleName: name } }').replace('{ name }', '{ title: name }'),
        { ids },
      )
    ).nodes,
  ).toEqual([
    { id: viewer.id, role: 'OWNER' },
    { id: viewer.tenant.id, title: 'Renamed' },
    ...roles.map(({ id, name }: { id: string; name: string }) => ({ id, roleName: name })),
  ])
})

it('cross-tenant: the other tenant, and another caller, are null', async () => {
  const { viewer } = await api.as('B').data('{ viewer { id tenant { id } } }')
  const NODES = 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }'
  const ids = [viewer.id, viewer.tenant.id]
  expect(await api.as('A').data(NODES, { ids })).toEqual({ nodes: [null, null] })
  expect((await api.as('B', 'ADMIN').data(NODES, { ids })).nodes).toEqual([null, { id: viewer.tenant.id }])
})
