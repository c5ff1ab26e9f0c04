// Compiled answers are those of graphql-js: the same bytes, statuses, headers and costs, for random operations of all callers. One
// server compiles operations, the other does not; each operation is sent several times, by callers of both tenants in random order,
// so that one plan is used for all of them. A long run: ANSWERS_ROUNDS=100 npm test -- test/answers
import { randomInt, randomUUID } from 'node:crypto'
import { ApolloServer } from '@apollo/server'
import {
  getNamedType,
  isObjectType,
  OperationTypeNode,
  parse,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Api } from '../support/api.ts'
import { mulberry32 } from '../support/random.ts'
import { UNLIKE } from '../support/samples.ts'
import { rowsOf } from '../walls/every-field.ts'
import { alike, withErrorsSorted } from './alike.ts'
import { Draw, type RandomOperation, randomOperation } from './random-operations.ts'
import { type Caller, makeWorld, type World } from './world.ts'

/** In the suite always the same operations; a long run by ANSWERS_ROUNDS draws its own. */
const SEED_DEFAULT = 908998163
const seed = Number(
  process.env.ANSWERS_SEED ?? (process.env.ANSWERS_ROUNDS === undefined ? SEED_DEFAULT : randomInt(2 ** 31)),
)
/** How many operations are drawn for each root field. */
const ROUNDS = Number(process.env.ANSWERS_ROUNDS ?? 3)
/** How often each is sent. */
const QUERY_TIMES = 4
const MUTATION_TIMES = 3
/** The share of requests by callers with all permissions: of the others some field is often forbidden, and nothing compiled. */
const FULL_SHARE = 0.7
const FIRST_SHARE = 0.75
const COMPILED_SHARE_MIN = 0.3
/** More are drawn until everything was compiled once, at most these for each field. */
const MORE_MAX = 12
/** Of a type that these do not have: documents that are drawn, of which few have it and are sent. */
const TYPE_MORE_MAX = 20_000
const SHOWN_MAX = 3

const draw = new Draw(mulberry32(seed))
const { executeHTTPGraphQLRequest } = ApolloServer.prototype
let byApollo = 0
let world: World
beforeAll(async () => {
  console.info(`ANSWERS_SEED=${seed} draws these operations again`)
  ApolloServer.prototype.executeHTTPGraphQLRequest = function (...args) {
    byApollo += 1
    return executeHTTPGraphQLRequest.apply(this, args)
  }
  world = await makeWorld(draw)
})
afterAll(async () => {
  ApolloServer.prototype.executeHTTPGraphQLRequest = executeHTTPGraphQLRequest
  await world?.close()
})

const HEADERS = { 'content-type': 'application/json', 'accept-encoding': 'identity' }

type Told = { readonly text: string; readonly data: unknown; readonly isCompiled: boolean }

async function ask(api: Api, { authorization }: Caller, requestId: string, body: object): Promise<Told> {
  const before = byApollo
  const response = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { ...HEADERS, authorization, 'x-request-id': requestId },
    body: JSON.stringify(body),
  })
  const content = await response.text()
  const { data = null } = JSON.parse(content) as { data?: unknown }
  const headers = [...response.headers].filter(([name]) => name !== 'date').map((header) => header.join(': '))
  return {
    text: [response.status, ...headers, withErrorsSorted(content)].join('\n'),
    data,
    isCompiled: byApollo === before,
  }
}

class Comparison {
  readonly different: string[] = []
  asked = 0
  compiled = 0
  /** Compiled answers with errors beside the data. */
  partial = 0
  /** Without data, by both. */
  refused = 0
  /** In compiled answers: `Order.lines`. */
  readonly fields = new Set<string>()
  readonly types = new Set<string>()
  readonly #servers: { readonly compiled: Api; readonly plain: Api }

  constructor(servers: { readonly compiled: Api; readonly plain: Api }) {
    this.#servers = servers
  }

  async compare(operation: RandomOperation, times: number): Promise<void> {
    for (let count = 0; count < times; count += 1) {
      const caller = drawCaller()
      const { query, operationName } = operation
      const body = { query, operationName, variables: operation.variables() }
      const requestId = randomUUID()
      const ours = await ask(this.#servers.compiled, caller, requestId, body)
      const theirs = await ask(this.#servers.plain, caller, requestId, body)
      this.#note(operation, ours)
      const [own, other] = [alike(ours.text, world.seeded), alike(theirs.text, world.seeded)]
      if (own !== other) this.different.push(shown(caller, body, own, other))
    }
  }

  #note(operation: RandomOperation, { isCompiled, data, text }: Told): void {
    this.asked += 1
    if (data === null) this.refused += 1
    if (!isCompiled) return
    this.compiled += 1
    if (text.includes('\n{"errors"')) this.partial += 1
    for (const { parent, field } of fieldsIn(operation)) {
      this.types.add(parent)
      this.fields.add(`${parent}.${field}`)
    }
  }
}

function fieldsIn({
  query,
}: Pick<RandomOperation, 'query'>): { readonly parent: string; readonly field: string }[] {
  const found: { parent: string; field: string }[] = []
  const types = new TypeInfo(world.api.schema)
  visit(
    parse(query),
    visitWithTypeInfo(types, {
      Field: ({ name }) => {
        const parent = types.getParentType()
        if (isObjectType(parent)) found.push({ parent: parent.name, field: name.value })
      },
    }),
  )
  return found
}

/** Of one tenant more often, to which most cursors belong, too. */
function drawCaller(): Caller {
  const tenant = draw.chance(FIRST_SHARE) ? 'A' : 'B'
  const mayAll = draw.chance(FULL_SHARE)
  return draw.of(world.callers.filter((one) => one.tenant === tenant && (one.mayAll || !mayAll)))
}

/** A request, and both answers around the first character that differs. */
function shown(
  { who }: Caller,
  { query, ...sent }: { readonly query: string },
  own: string,
  other: string,
): string {
  let at = 0
  while (own[at] === other[at]) at += 1
  const around = (text: string) => JSON.stringify(text.slice(Math.max(0, at - 200), at + 300))
  return `${who} sent\n${query}\n${JSON.stringify(sent)}\ngraphql-js: ${around(other)}\ncompiled:   ${around(own)}`
}

function fieldsOf(kind: OperationTypeNode): string[] {
  const root = world.api.schema.getRootType(kind)
  const fields = Object.keys(root?.getFields() ?? {})
  return fields.filter((field) => !UNLIKE.has(`${root?.name}.${field}`))
}

function drawn(kind: OperationTypeNode, field: string): RandomOperation {
  const { api, compiled } = world
  const options = {
    ...world,
    schema: api.schema,
    draw,
    seldom: (place: string) => compiled.reasons.has(place),
    // What was made before the databases were copied is the same in both.
    never: (place: string) =>
      UNLIKE.has(place) && (kind === OperationTypeNode.MUTATION || place.startsWith('Query.')),
  }
  return randomOperation(options, kind, field)
}

async function compareAll(
  kind: OperationTypeNode,
  times: number,
  servers: World['queries'],
): Promise<Comparison> {
  const comparison = new Comparison(servers)
  for (let round = 0; round < ROUNDS; round += 1)
    for (const field of fieldsOf(kind)) await comparison.compare(drawn(kind, field), times)
  for (const field of fieldsOf(kind))
    for (let more = 0; more < MORE_MAX && !isHit(comparison, kind, field); more += 1)
      await comparison.compare(drawn(kind, field), times)
  return comparison
}

/** Whether graphql-js alone answers the field, or it was compiled. */
function isHit({ fields }: Comparison, kind: OperationTypeNode, field: string): boolean {
  const place = `${world.api.schema.getRootType(kind)?.name}.${field}`
  return world.compiled.reasons.has(place) || fields.has(place)
}

function check(comparison: Comparison, kind: OperationTypeNode): void {
  const { asked, compiled, partial, refused } = comparison
  console.info(
    `${kind}: ${asked} requests, ${compiled} compiled, of these ${partial} with errors; ${refused} without data`,
  )
  expectSame(comparison)
  expect(
    fieldsOf(kind).filter((field) => !isHit(comparison, kind, field)),
    'never compiled',
  ).toEqual([])
  expect(compiled / asked).toBeGreaterThan(COMPILED_SHARE_MIN)
  expect(refused, 'requests that were refused').toBeGreaterThan(0)
}

function expectSame({ different }: Comparison): void {
  expect(different.slice(0, SHOWN_MAX).join('\n\n'), `ANSWERS_SEED=${seed}`).toBe('')
}

describe('cross-tenant: compiled answers of all callers are those of graphql-js', () => {
  let [queries, mutations]: Comparison[] = []

  it('queries, on one database', async () => {
    queries = await compareAll(OperationTypeNode.QUERY, QUERY_TIMES, world.queries)
    check(queries, OperationTypeNode.QUERY)
    expect(queries.partial, 'compiled answers with errors').toBeGreaterThan(0)
  })

  it('mutations, on databases with the same rows, which have the same number of rows afterwards', async () => {
    mutations = await compareAll(OperationTypeNode.MUTATION, MUTATION_TIMES, world.mutations)
    check(mutations, OperationTypeNode.MUTATION)
    const { compiled, plain } = world.mutations
    for (const tenant of ['A', 'B'] as const) {
      const [ours, theirs] = await Promise.all(
        [compiled, plain].map(async (api) => counted(await rowsOf(api.database, api.tenantIds[tenant]))),
      )
      expect(ours).toEqual(theirs)
    }
  })

  it.each([
    [
      'at the root',
      'query ($is: Boolean = false) { members { nodes { id } } apiKeys @skip(if: $is) { nodes { id } } }',
    ],
    ['of a record', 'query ($is: Boolean = false) { members { nodes { id name @skip(if: $is) } } }'],
    [
      'of a fragment',
      'query ($is: Boolean = true) { members { nodes { id ... @include(if: $is) { name } } } }',
    ],
  ])('null for a condition %s', async (_place, query) => {
    const comparison = new Comparison(world.queries)
    for (const is of [null, true, null, false]) {
      const kind = OperationTypeNode.QUERY
      await comparison.compare({ query, kind, variables: () => ({ is }) }, 2)
    }
    expectSame(comparison)
  })

  it('every type that is compiled was answered', async () => {
    const found = new Set([queries, mutations].flatMap((comparison) => [...(comparison?.types ?? [])]))
    const unlike = [...UNLIKE].map((field) => returnedBy(field))
    const missing = [...world.compiled.types].filter((type) => !found.has(type) && !unlike.includes(type))
    for (const type of missing) {
      const all = new Comparison(world.queries)
      const changing = new Comparison(world.mutations)
      const isFound = () => all.types.has(type) || changing.types.has(type)
      for (let more = 0; more < TYPE_MORE_MAX && !isFound(); more += 1) {
        const kind = draw.of([OperationTypeNode.QUERY, OperationTypeNode.MUTATION])
        const operation = drawn(kind, draw.of(fieldsOf(kind)))
        if (!fieldsIn(operation).some(({ parent }) => parent === type)) continue
        await (kind === OperationTypeNode.QUERY ? all : changing).compare(operation, 2)
      }
      for (const comparison of [all, changing]) expectSame(comparison)
      expect(isFound(), type).toBe(true)
    }
  })
})

/** The type of `Mutation.orderPlace`. */
function returnedBy(place: string): string | undefined {
  const [parent = '', field = ''] = place.split('.')
  const type = world.api.schema.getType(parent)
  return isObjectType(type) ? getNamedType(type.getFields()[field]?.type)?.name : undefined
}

/** Without the visits of platform staff: they sent queries to one of the databases only. */
function counted(rows: Record<string, Record<string, unknown>[]>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(rows).map(([table, all]) => [table, all.filter(({ action }) => action !== VISIT).length]),
  )
}

const VISIT = 'supportAccessUse'
