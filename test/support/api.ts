// Owns: the API on a cloned database, with two tenants and a member of every role in each. What it is asked for and
// what the tenants sell are the tests' own, or shop.ts's.
import { type GraphQLError, type GraphQLSchema, graphql } from 'graphql'
import type { Caller } from '../../src/commands/caller.ts'
import { permissionsOf, ROLES, type Role } from '../../src/commands/permissions.ts'
import { systemClock } from '../../src/core/clock.ts'
import { newId } from '../../src/core/ids.ts'
import { createLogger } from '../../src/core/logger.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { toAppError } from '../../src/db/faults.ts'
import { connectOwner } from '../../src/db/owner.ts'
import { createTenant } from '../../src/db/tenant-directory.ts'
import { buildSchema } from '../../src/graphql/schema.ts'
import { createTestDatabase, type TestDatabase } from './database.ts'

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
  /** Sends one operation; answers whatever comes back. */
  send(source: string, variables?: Record<string, unknown>): Promise<Answer>
  /** The data of an operation that must have no errors. */
  data(source: string, variables?: Record<string, unknown>): Promise<Data>
}

export interface Api {
  database: TestDatabase
  schema: GraphQLSchema
  tenantIds: Record<TenantKey, string>
  as(tenant: TenantKey, role?: Role): Session
  close(): Promise<void>
}

const SLUGS: Record<TenantKey, string> = { A: 'anchor', B: 'bollard' }
const POOL_MAX = 8

/** Opens the API: two tenants, `anchor` and `bollard`, which sell nothing yet. Call it in `beforeAll`, and `close` it. */
export async function startApi({ poolMax = POOL_MAX }: { poolMax?: number } = {}): Promise<Api> {
  const database = await createTestDatabase()
  const tenantIds = await makeTenants(database)
  const logger = createLogger('silent')
  const opened = openDatabase({ url: database.runtimeUrl, poolMax, namedStatements: true, logger })
  const schema = buildSchema()
  return {
    database,
    schema,
    tenantIds,
    as: (tenant, role = 'OWNER') => sessionOf({ tenant, role, schema, database: opened }),
    async close() {
      await opened.close()
      await database.drop()
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

function sessionOf(to: {
  tenant: TenantKey
  role: Role
  schema: GraphQLSchema
  database: Database
}): Session {
  const { tenant, role, schema, database } = to
  const send: Session['send'] = async (source, variableValues = {}) => {
    const caller = await callerOf(tenant, role, database)
    const contextValue = { caller, db: database.forTenant(caller.scope), extensions: {} }
    const { data, errors = [] } = await graphql({ schema, source, variableValues, contextValue })
    return {
      // graphql-js makes objects without a prototype; over the wire they would have one.
      data: data == null ? null : JSON.parse(JSON.stringify(data)),
      errors: errors.map(toldOf),
      extensions: contextValue.extensions,
    }
  }
  return { tenant, role, send, data: dataOf(send) }
}

function dataOf(send: Session['send']): Session['data'] {
  return async (source, variables) => {
    const { data, errors } = await send(source, variables)
    if (errors.length > 0) throw new Error(`${source} was answered by ${JSON.stringify(errors)}`)
    return data
  }
}

async function callerOf(tenant: TenantKey, role: Role, database: Database): Promise<Caller> {
  const member = await database.resolveMember(SLUGS[tenant], emailOf(tenant, role))
  if (member === null) throw new Error('the member of the test is missing')
  return {
    scope: { tenantId: member.tenantId },
    tenantSlug: SLUGS[tenant],
    actor: { kind: 'MEMBER', id: member.memberId, role, email: emailOf(tenant, role) },
    permissions: permissionsOf(member.role),
    requestId: newId(),
    database,
    clock: systemClock,
    logger: createLogger('silent'),
  }
}

function toldOf(error: GraphQLError): ApiError {
  const path = error.path?.join('.') ?? null
  const { originalError } = error
  const app = originalError == null ? null : toAppError(originalError)
  if (app !== null) return { message: app.message, code: app.code, path, extensions: { ...app.details } }
  const code =
    (error.extensions.code as string | undefined) ?? (originalError ? 'INTERNAL' : 'BAD_USER_INPUT')
  return { message: error.message, code, path, extensions: error.extensions }
}
