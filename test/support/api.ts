// The API on a cloned database, over HTTP, with two tenants and a member of every role in each. The tests bring the
// operations, and shop.ts what the tenants sell.
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { GraphQLSchema } from 'graphql'
import { inject } from 'vitest'
import { type Authenticator, createAuthenticator } from '../../src/auth/authenticate.ts'
import type { CommandContext } from '../../src/auth/command-context.ts'
import { signDevelopmentToken } from '../../src/auth/development-token.ts'
import type { KeyTimings } from '../../src/auth/issuer-keys.ts'
import { ROLES, type Role } from '../../src/auth/permissions.ts'
import { developmentIssuer, type IssuerConfig } from '../../src/auth/token-issuer.ts'
import { createTokenVerifier } from '../../src/auth/verify-token.ts'
import { type Clock, systemClock } from '../../src/core/clock.ts'
import { newId } from '../../src/core/ids.ts'
import { createLogger } from '../../src/core/logger.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { connectOwner } from '../../src/db/owner.ts'
import { createTenant } from '../../src/desk/tenants/tenant-directory.ts'
import type { DemoPeople } from '../../src/development/choose-page.ts'
import { newDevelopmentKey } from '../../src/development/key.ts'
import { createMailbox, type Mailbox } from '../../src/development/mailbox.ts'
import { developmentRoutes } from '../../src/development/routes.ts'
import { type CrossOriginOptions, NO_OTHER_ORIGINS } from '../../src/edge/cross-origin.ts'
import { createHttpServer, type HttpServer, type Route } from '../../src/edge/http-server.ts'
import type { Services } from '../../src/graphql/context.ts'
import { buildSchema } from '../../src/schema.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { FIRST_FIELDS, ROUTES } from '../../src/wiring.ts'
import { createTestDatabase, type TestDatabase } from './database.ts'
import { servicesAt } from './services.ts'

export type TenantKey = 'A' | 'B'

export interface ApiError {
  message: string
  code: string
  path: string | null
  extensions: Record<string, unknown>
}

// biome-ignore lint/suspicious/noExplicitAny: an answer has the shape that the test's own document asks for.
export type Data = any

export interface Answer {
  data: Data
  errors: ApiError[]
  extensions: Record<string, unknown>
}

export interface Session {
  tenant: TenantKey
  role: Role
  /** The value of the header of this name. */
  authorization: string
  /** Sends one operation; returns any answer. */
  send(source: string, variables?: Record<string, unknown>): Promise<Answer>
  /** The data of an operation that must have no errors. */
  data(source: string, variables?: Record<string, unknown>): Promise<Data>
}

export interface Api {
  /** The server's URL, without a path. */
  url: string
  database: TestDatabase
  /** The server's own objects. */
  opened: Database
  services: Services
  /** The sent mails. */
  mailbox: Mailbox
  /** The server's authenticator. */
  authenticator: Authenticator
  schema: GraphQLSchema
  tenantIds: Record<TenantKey, string>
  as(tenant: TenantKey, role?: Role): Session
  /** The person with the address, a member or not. */
  asPerson(tenant: TenantKey, email: string): Session
  /** A caller with this credential: a token or an API key. */
  bearing(credential: string): Omit<Session, 'tenant' | 'role'>
  close(): Promise<void>
}

export const SLUGS: Record<TenantKey, string> = { A: 'anchor', B: 'bollard' }
const POOL_MAX = 8
/** More than any test spends; other tests check budgets. */
const POINTS = 1e9
export const SECRET = Buffer.alloc(32, 'test')
const TOKEN_SECONDS = 3_600
/** `false`: graphql-js answers everything, where a test does not say otherwise. */
export const COMPILES_VARIABLE = 'TEST_COMPILES'
export const compilesByDefault = () => process.env[COMPILES_VARIABLE] !== 'false'

/**
 * Opens the API with two tenants, `anchor` and `bollard`, that sell nothing yet. Call it in `beforeAll`, and `close`
 * it.
 */
export async function startApi({
  poolMax = POOL_MAX,
  clock = systemClock,
  disguise = (caller) => caller,
  issuers = [],
  keyTimings = {},
  people = null,
  routes = ROUTES,
  crossOrigins = NO_OTHER_ORIGINS,
  compiles = compilesByDefault(),
  on = null,
}: {
  poolMax?: number
  clock?: Clock
  /** Replaces the authenticated caller, to test what the other checks do with a wrong one. */
  disguise?: (caller: CommandContext) => CommandContext
  /** Issuers whose tokens are accepted, besides the development tokens that `as` sends. */
  issuers?: readonly IssuerConfig[]
  keyTimings?: Partial<KeyTimings>
  /** The people that the development issuer offers; null: no issuer and no explorer. */
  people?: readonly DemoPeople[] | null
  /** The modules' routes. Default: all. */
  routes?: readonly Route[]
  /** The pages of other origins that may read answers. Default: none. */
  crossOrigins?: CrossOriginOptions
  /** Whether operations are compiled where they can be. */
  compiles?: boolean
  /** A database that has the tenants already, which `close` drops, too. Default: a new one. */
  on?: Pick<Api, 'database' | 'tenantIds'> | null
} = {}): Promise<Api> {
  const testDatabase = on?.database ?? (await createTestDatabase())
  const tenantIds = on?.tenantIds ?? (await makeTenants(testDatabase))
  const logger = createLogger('silent')
  const database = openDatabase({ url: testDatabase.runtimeUrl, poolMax, namedStatements: true, logger })
  const schema = buildSchema()
  const development = developmentIssuer(SECRET)
  const verifier = createTokenVerifier({ issuers, development, clock: systemClock, logger, keyTimings })
  let url = ''
  const mails = join(tmpdir(), `bulkhead-mailbox-${randomUUID()}`)
  const mailbox = createMailbox({ dir: mails, clock: systemClock })
  const services = servicesAt(inject('companionUrl'), () => url, mailbox)
  const authenticator = createAuthenticator({
    verifier,
    database,
    sessions: services.sessions,
    clock: systemClock,
    logger,
    keyMode: 'test',
  })
  const deceived: Authenticator = {
    ...authenticator,
    authenticate: async (...asked) => disguise(await authenticator.authenticate(...asked)),
  }
  const server: HttpServer = createHttpServer({
    schema,
    database,
    authenticator: deceived,
    metrics: createMetrics(database),
    services,
    logger,
    clock,
    introspection: true,
    hideSuggestions: false,
    budget: { capacity: POINTS, restorePerSecond: POINTS },
    crossOrigins,
    compiles,
    host: '127.0.0.1',
    port: 0,
    metricsPort: null,
    routes: [
      ...routes,
      developmentRoutes({
        mailbox,
        development:
          people === null
            ? null
            : {
                key: await newDevelopmentKey(),
                trust: (issuer) => verifier.trust(issuer),
                people: async () => people,
                firstFields: FIRST_FIELDS,
              },
      }),
    ],
  })
  ;({ url } = await server.listen())
  const bearing = (credential: string) => sessionOf(`${url}/graphql`, credential)
  const asPerson = (tenant: TenantKey, email: string, role: Role = 'VIEWER') => ({
    tenant,
    role,
    ...bearing(tokenOf(tenant, email)),
  })
  return {
    url,
    database: testDatabase,
    opened: database,
    services,
    mailbox,
    authenticator,
    schema,
    tenantIds,
    as: (tenant, role = 'OWNER') => asPerson(tenant, emailOf(tenant, role), role),
    asPerson,
    bearing,
    async close() {
      await server.close()
      await database.close()
      await testDatabase.drop()
      await rm(mails, { recursive: true, force: true })
    },
  }
}

export function emailOf(tenant: TenantKey, role: Role): string {
  return `${role.toLowerCase()}@${SLUGS[tenant]}.example`
}

async function makeTenants(database: TestDatabase): Promise<Record<TenantKey, string>> {
  const owner = await connectOwner(database.ownerUrl)
  try {
    const make = async (key: TenantKey) => {
      const name = key === 'A' ? 'Anchor Alpha' : 'Bollard Beta'
      const id = await createTenant(owner, {
        slug: SLUGS[key],
        name,
        currency: 'USD',
        owner: { email: emailOf(key, 'OWNER'), name: `${name} owner` },
      })
      await owner.inTenant(id, async (query) => {
        for (const role of ROLES) {
          if (role === 'OWNER') continue
          await query('INSERT INTO members (id, email, name, role) VALUES ($1, $2, $3, $4)', [
            newId(),
            emailOf(key, role),
            `${name} ${role.toLowerCase()}`,
            role,
          ])
        }
      })
      return id
    }
    return { A: await make('A'), B: await make('B') }
  } finally {
    await owner.end()
  }
}

function tokenOf(tenant: TenantKey, email: string): string {
  return signDevelopmentToken({
    secret: SECRET,
    tenant: SLUGS[tenant],
    email,
    expiresInSeconds: TOKEN_SECONDS,
    clock: systemClock,
  })
}

function sessionOf(url: string, credential: string): Omit<Session, 'tenant' | 'role'> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${credential}` }

  async function send(query: string, variables: Record<string, unknown> = {}): Promise<Answer> {
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) })
    // The server answers JSON of a GraphQL response with any status.
    const { data = null, errors = [], extensions = {} } = (await response.json()) as Partial<Answered>
    const { cost: _cost, ...said } = extensions
    return { data, errors: errors.map(toldOf), extensions: said }
  }

  async function data(query: string, variables?: Record<string, unknown>): Promise<Data> {
    const answer = await send(query, variables)
    if (answer.errors.length > 0) throw new Error(`${query} was answered by ${JSON.stringify(answer.errors)}`)
    return answer.data
  }

  return { authorization: headers.authorization, send, data }
}

interface Answered {
  data: Data
  errors: { message: string; path?: (string | number)[]; extensions: Record<string, unknown> }[]
  extensions: Record<string, unknown>
}

/** An error without the parts that differ between requests. */
function toldOf({ message, path, extensions }: Answered['errors'][number]): ApiError {
  const { code, requestId: _requestId, ...details } = extensions
  return { message, code: String(code), path: path?.join('.') ?? null, extensions: details }
}
