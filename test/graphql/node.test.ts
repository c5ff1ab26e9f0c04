// Relay's node rules: the object for its id, null otherwise, and no difference between a foreign and an absent id.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeId, encodeId, newId } from '../../src/core/ids.ts'
import { type NodeName, nodeId } from '../../src/graphql/node-ids.ts'
import { type Api, type Session, startApi, type TenantKey } from '../support/api.ts'
import { recordMaker } from '../support/recipes.ts'
import { fillTenant, SAMPLES } from '../support/samples.ts'
import { rowsOf } from '../walls/every-field.ts'

let api: Api
let a: Session
/** One id of each node type, by prefix. */
let ids: Record<string, string>
beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
  for (const tenant of ['A', 'B'] as const) await fillTenant(api, tenant)
  ids = await idsOf('A')
})
afterAll(() => api?.close())

/** Each type with the prefix of its ids. */
const typesOf = () =>
  api.schema
    .getPossibleTypes(api.schema.getType('Node') as never)
    .map(({ name }) => [decodeId(nodeId(name as NodeName, newId()))?.prefix ?? '', name] as const)

async function idsOf(tenant: TenantKey): Promise<Record<string, string>> {
  const rows = await rowsOf(api.database, api.tenantIds[tenant])
  const found: Record<string, string> = {}
  for (const [table, prefix] of Object.entries(SAMPLES.prefixes)) {
    const id = rows[table]?.[0]?.id
    if (id !== undefined) found[prefix] = encodeId(prefix, id as string)
  }
  for (const [prefix, type] of typesOf())
    found[prefix] ??= (await recordMaker(api.schema, type)?.(api, tenant)) ?? `no ${type}`
  return found
}

const NODE = 'query ($id: ID!) { node(id: $id) { __typename id } }'
const NODES = 'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }'

it('every type that is a Node is found by its id', async () => {
  expect(Object.keys(ids).toSorted()).toEqual(
    typesOf()
      .map(([prefix]) => prefix)
      .toSorted(),
  )
  for (const [prefix, type] of typesOf()) {
    const id = ids[prefix]
    expect(await a.data(NODE, { id })).toEqual({ node: { __typename: type, id } })
  }
})

it('cross-tenant: a foreign id, an absent one and a malformed one are all null', async () => {
  const b = api.as('B')
  for (const [prefix, id] of Object.entries(ids)) {
    if (prefix === 'role') continue
    for (const other of [id, encodeId(prefix, newId()), `${prefix}_x`])
      expect(await b.send(NODE, { id: other })).toEqual({ data: { node: null }, errors: [], extensions: {} })
  }
  const { nodes } = await b.data(NODES, { ids: Object.values(ids) })
  // The roles are the same for every tenant.
  expect(nodes).toEqual(
    Object.entries(ids).map(([prefix, id]) =>
      prefix === 'role' ? { __typename: 'RoleDefinition', id } : null,
    ),
  )
})

const MALFORMED = [
  '',
  ' ',
  '_',
  'mem',
  'mem_',
  'mem_00000000000000000000000000',
  'mem_zzzzzzzzzzzzzzzzzzzzzzzzzz',
  'mem_0000000000000000000000000l',
  'nope_00000000000000000000000001',
  'constructor_00000000000000000000000001',
  '__proto___00000000000000000000000001',
  'toString_00000000000000000000000001',
  '00000000-0000-0000-0000-000000000000',
  "mem_' OR 1=1 --",
  'é'.repeat(10_000),
]

it.each(MALFORMED.map((id) => [JSON.stringify(id).slice(0, 60), id]))('null for %s', async (_shown, id) => {
  expect(await a.send(NODE, { id })).toEqual({ data: { node: null }, errors: [], extensions: {} })
})

it.each(['mem_\u0000', 'mem_\ud800'])('what is no text is refused, as in every input: %j', async (id) => {
  const { errors } = await a.send(NODE, { id })
  expect(errors).toMatchObject([{ code: 'BAD_USER_INPUT' }])
})

it('an id of one type is no id of another: the prefix counts', async () => {
  const { member } = (await a.data('{ viewer { member { id } } }')).viewer
  const suffix = ids.inv?.split('_')[1]
  // A caller's own id is that of its member.
  expect(await a.data(NODE, { id: member.id.replace('mem', 'vwr') })).toMatchObject({
    node: { __typename: 'Viewer' },
  })
  for (const [prefix] of typesOf().filter(([other]) => other !== 'inv'))
    expect(await a.data(NODE, { id: `${prefix}_${suffix}` })).toEqual({ node: null })
})

describe('nodes', () => {
  it('keep their order, with null for what is not here and repeats repeated', async () => {
    const asked = [ids.mem, 'x', ids.inv, encodeId('mem', newId()), ids.mem, ids.exp]
    const { nodes } = await a.data(NODES, { ids: asked })
    expect(nodes.map((node: { id: string } | null) => node?.id ?? null)).toEqual([
      ids.mem,
      null,
      ids.inv,
      null,
      ids.mem,
      ids.exp,
    ])
  })

  it('are none for no ids, and at most 100', async () => {
    expect(await a.data(NODES, { ids: [] })).toEqual({ nodes: [] })
    const many = Array.from({ length: 100 }, () => ids.mem)
    expect((await a.data(NODES, { ids: many })).nodes).toHaveLength(100)
    const { errors } = await a.send(NODES, { ids: [...many, ids.mem] })
    expect(errors).toMatchObject([{ code: 'BAD_USER_INPUT', path: null }])
  })
})

it("another member's node needs the permission of the list of members; one's own does not", async () => {
  const { viewer } = await api.as('A', 'VIEWER').data('{ viewer { member { id } } }')
  expect(await api.as('A', 'VIEWER').data(NODE, { id: viewer.member.id })).toMatchObject({
    node: { __typename: 'Member' },
  })
  expect(await api.as('A', 'ADMIN').data(NODE, { id: ids.mem })).toMatchObject({ node: { id: ids.mem } })
  const { errors } = await api.as('A', 'VIEWER').send(NODE, { id: ids.mem })
  expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission: 'members:read' } }])
})
