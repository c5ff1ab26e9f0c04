// Shared by the tests of the edge: the server on a small schema, a member of every role, and a database that counts its
// calls. Where SQL matters, tests use the real one.

import { buildSchema, type GraphQLObjectType, type GraphQLSchema } from 'graphql'
import { createAuthenticator } from '../../src/auth/authenticate.ts'
import { signDevelopmentToken } from '../../src/auth/development-token.ts'
import { ROLES, type Role } from '../../src/auth/permissions.ts'
import { developmentIssuer } from '../../src/auth/token-issuer.ts'
import { createTokenVerifier } from '../../src/auth/verify-token.ts'
import { systemClock } from '../../src/core/clock.ts'
import { createLogger } from '../../src/core/logger.ts'
import type { Database, Membership } from '../../src/db/database.ts'
import { newDevelopmentKey } from '../../src/development/key.ts'
import type { Mailbox } from '../../src/development/mailbox.ts'
import { developmentRoutes } from '../../src/development/routes.ts'
import { createHttpServer, type HttpServer, type HttpServerOptions } from '../../src/edge/http-server.ts'
import { guardFields } from '../../src/graphql/guard-fields.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { ROUTES } from '../../src/wiring.ts'
import { SECRET } from '../auth/token-setup.ts'
import { servicesAt } from '../support/services.ts'
import { hookRoute } from './hook-route.ts'

export interface Answered {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: an answer has the shape that the test's own document asks for.
  body: any
}

export interface FrontDoor {
  server: HttpServer
  url: string
  metricsUrl: string
  /** Every logged line. */
  log: string[]
  /** How often a resolver, or the edge itself, used the tenant's data. */
  reads(): number
  /** POSTs an operation as the role. */
  ask(query: string, variables?: Record<string, unknown>, role?: Role): Promise<Answered>
  /** Sends anything, signed in as the role by default. */
  send(path: string, init?: RequestInit, role?: Role): Promise<Answered>
  close(): Promise<void>
}

/** The members that the development issuer offers to sign in as. */
const PEOPLE = ['acme', 'globex'].map((slug) => ({
  slug,
  name: slug,
  members: ROLES.map((role) => ({ email: `${role.toLowerCase()}@${slug}.example`, name: role, role })),
}))
export const TENANT_ID = 'aaaaaaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa'
export type Resolvers = Record<string, (args: never, read: () => void) => unknown>

const SDL = /* GraphQL */ `
  interface Node { id: ID! }
  type Order implements Node { id: ID! number: Int! again: Order lines(first: Int, last: Int): LineConnection! tags: [String!]! }
  type Line { id: ID! order: Order! }
  type PageInfo { hasNextPage: Boolean! }
  type OrderConnection { nodes: [Order!]! edges: [OrderEdge!]! pageInfo: PageInfo! totalCount: Int! }
  type OrderEdge { cursor: String! node: Order! }
  type LineConnection { nodes: [Line!]! totalCount: Int! }
  type Payload { order: Order userErrors: [UserError!]! }
  type UserError { message: String! }
  type Note { text: String! long: String! }
  type Query {
    hello(name: String): String!
    orders(first: Int, after: String, last: Int): OrderConnection!
    order(id: ID!): Order
    node(id: ID!): Node
    nodes(ids: [ID!]!): [Node]!
    notes: [Note!]!
    fails: String
    secretive: String!
    count(limit: Int! = 3): Int!
    days(from: String!, until: String!): [Note!]
    best(from: String!, until: String!): [Note!]
  }
  type Mutation { orderPlace: Payload! }
`

/** The schema, with permissions and prices like the product's. */
export function smallSchema(resolvers: Resolvers = {}, read: () => void = () => {}): GraphQLSchema {
  const schema = buildSchema(SDL)
  const type = (name: string) => schema.getType(name) as GraphQLObjectType
  for (const name of ['Order', 'OrderConnection']) type(name).extensions = { permission: 'things:read' }
  const field = (owner: string, name: string) => {
    const found = type(owner).getFields()[name]
    if (found === undefined) throw new Error(`there is no ${owner}.${name}`)
    return found
  }
  field('OrderConnection', 'totalCount').extensions = { cost: 10 }
  field('Payload', 'userErrors').extensions = { listSize: 1 }
  field('Note', 'long').extensions = { bytes: 20_000 }
  field('Query', 'nodes').extensions = { listMax: 100 }
  field('Query', 'notes').extensions = { listSize: 10 }
  field('Query', 'days').extensions = { listMax: 400, perDay: { cost: 0.5, daysMax: 400, isListed: true } }
  field('Query', 'best').extensions = { cost: 10, listSize: 10, perDay: { cost: 2, daysMax: 400 } }
  field('Order', 'tags').extensions = { listSize: 10 }
  field('Query', 'secretive').extensions = { permission: 'tenant:manage' }
  const order = (id: string) => ({ __typename: 'Order', id, number: 1, tags: [] })
  const usual: Resolvers = {
    hello: ({ name }: { name?: string }) => `hello ${name ?? 'you'}`,
    orders: ({ first, last }: { first?: number; last?: number }) => {
      const nodes = Array.from({ length: first ?? last ?? 20 }, (_, n) => order(`o${n}`))
      return { nodes, edges: [], pageInfo: { hasNextPage: false }, totalCount: 7 }
    },
    order: ({ id }: { id: string }) => order(id),
    node: ({ id }: { id: string }) => order(id),
    nodes: ({ ids }: { ids: string[] }) => ids.map(order),
    notes: () => [{ text: 'one' }, { text: 'two' }],
    days: () => [],
    best: () => [],
    secretive: () => 'a secret',
    count: ({ limit }: { limit: number }) => limit,
    orderPlace: () => ({ order: order('new'), userErrors: [] }),
    ...resolvers,
  }
  for (const [name, resolve] of Object.entries(usual)) {
    field(name === 'orderPlace' ? 'Mutation' : 'Query', name).resolve = (_root, args) => {
      read()
      // The arguments are those that the schema above declares.
      return resolve(args as never, read)
    }
  }
  return guardFields(schema)
}

/** A member of `acme` for each role, and nobody else. Any call but a member's look-up fails the test. */
export function memberDatabase(more: Partial<Database> = {}): Database {
  const unexpected = (): never => {
    throw new Error('these tests hold no SQL')
  }
  return {
    forTenant: () => ({}) as ReturnType<Database['forTenant']>, // using it would fail on the missing model
    withTenant: unexpected,
    readText: unexpected,
    runAtOnce: unexpected,
    resolveMember: async (slug, email) => (slug === 'acme' ? memberOf(email) : null),
    membershipsOf: unexpected,
    resolveApiKey: unexpected,
    resolveSupport: unexpected,
    resolveTenant: unexpected,
    ping: async () => {},
    poolState: () => ({ total: 4, idle: 3, waiting: 0, max: 8 }),
    close: async () => {},
    ...more,
  }
}

export function memberOf(email: string): Membership | null {
  const role = /^(owner|admin|staff|viewer)@acme\.example$/.exec(email)?.[1]?.toUpperCase() as
    | Role
    | undefined
  if (role === undefined) return null
  return { tenantId: TENANT_ID, tenantSlug: 'acme', tenantStatus: 'ACTIVE', memberId: `member-${role}`, role }
}

export function tokenOf(email: string, tenant = 'acme'): string {
  return signDevelopmentToken({ secret: SECRET, tenant, email, expiresInSeconds: 3_600, clock: systemClock })
}

export async function openFrontDoor(
  options: {
    resolvers?: Resolvers
    database?: Database
    production?: boolean
    /** The mailbox; null: none. */
    mailbox?: Pick<Mailbox, 'list'> | null
  } & Partial<HttpServerOptions> = {},
): Promise<FrontDoor> {
  const { resolvers = {}, database = memberDatabase(), production = false, mailbox = null, ...more } = options
  const log: string[] = []
  let reads = 0
  const logger = createLogger('info', { write: (line) => log.push(line) })
  const verifier = createTokenVerifier({
    issuers: [],
    development: developmentIssuer(SECRET),
    clock: systemClock,
    logger,
  })
  const services = servicesAt(null, () => null)
  const server = createHttpServer({
    schema: smallSchema(resolvers, () => {
      reads += 1
    }),
    database,
    authenticator: createAuthenticator({
      verifier,
      database,
      sessions: services.sessions,
      clock: systemClock,
      logger,
      keyMode: 'test',
    }),
    metrics: createMetrics({ poolState: database.poolState }),
    services,
    logger,
    clock: systemClock,
    introspection: !production,
    hideSuggestions: production,
    host: '127.0.0.1',
    port: 0,
    metricsPort: 0,
    routes: [
      ...ROUTES,
      hookRoute,
      ...(production
        ? []
        : [
            developmentRoutes({
              mailbox,
              development: {
                key: await newDevelopmentKey(),
                trust: (issuer) => verifier.trust(issuer),
                people: async () => PEOPLE,
                firstFields: [],
              },
            }),
          ]),
    ],
    ...more,
  })
  const { url, metricsUrl } = await server.listen()

  async function send(path: string, init: RequestInit = {}, role: Role = 'OWNER'): Promise<Answered> {
    const headers = new Headers(init.headers)
    if (!headers.has('authorization')) {
      headers.set('authorization', `Bearer ${tokenOf(`${role.toLowerCase()}@acme.example`)}`)
    }
    const response = await fetch(new URL(path, url), { ...init, headers })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json') === true
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
  }

  return {
    server,
    url,
    metricsUrl: metricsUrl ?? '',
    log,
    reads: () => reads,
    send,
    ask: (query, variables, role) =>
      send(
        '/graphql',
        {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ query, variables }),
        },
        role,
      ),
    close: () => server.close(),
  }
}

/** The code and status of a refusal with a request id, as one text. */
export function refusalOf({ status, body, headers }: Answered): string {
  const [error] = body.errors
  if (error.extensions.requestId !== headers.get('x-request-id')) return 'the request id is missing'
  return `${status} ${error.extensions.code}`
}
