// The library internals that we use beyond the documented API, each with the file that uses it. A new version without
// them fails here, rather than in production. src/db and test/db cover Prisma's.
import { readdirSync, readFileSync } from 'node:fs'
import { IncomingMessage, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ApolloServer } from '@apollo/server'
import { type DocumentNode, GraphQLInt, GraphQLObjectType, GraphQLSchema, parse } from 'graphql'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { submitOn } from '../../src/db/pg-internals.ts'
import { aheadOf, TextMessage } from '../../src/db/text-message.ts'
import { asAdmin } from '../support/cluster.ts'
import { createTestDatabase } from '../support/database.ts'

const SRC = fileURLToPath(new URL('../../src', import.meta.url))

/** Files that use private names, each with the library. */
const PLACES: Readonly<Record<string, string>> = {
  'db/pg-internals.ts': 'pg: the protocol methods of Query, the connection of a client, a query of our own',
  'db/tenant-client.ts': 'Prisma: the model that an extension is asked on',
  'db/prisma-internals.ts': 'Prisma: the data loader of its client, and where an extension is asked',
  'db/reader/any-model.ts': 'Prisma: the models of its client by their names',
  'db/walls.ts': 'Prisma: the type of a generated client depends on its schema',
  'db/queue/queue-connection.ts': 'graphile-worker: its tables',
  'db/doctor/check.ts': 'graphile-worker and Prisma: the names of their tables',
  'db/migrations/former-series.ts': 'Prisma: its record of migrations',
  'db/migrations/history.ts': 'Prisma: its record of migrations',
  'db/migrations/migrate.ts': 'Prisma: its record of migrations',
  'db/migrations/schema-engine.ts': 'Prisma: its record of migrations',
  'development/provider.ts': 'oidc-provider: its memory adapter',
}

/** A name with an underscore before it, a file within a package, and, where libraries are changed, a cast. */
function namesPrivate(path: string, text: string): boolean {
  return (
    /\._(?!count\b)[a-z]|'[\w@-][\w@/-]*\/lib\//i.test(text) ||
    (path.startsWith('db/') && text.includes(' as unknown as '))
  )
}

it('what is private to a library is named in these files alone', () => {
  const paths = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).map((path) =>
    path.replaceAll('\\', '/'),
  )
  const found = paths.filter(
    (path) =>
      path.endsWith('.ts') &&
      !path.endsWith('.d.ts') &&
      !path.startsWith('generated/') &&
      namesPrivate(path, readFileSync(join(SRC, path), 'utf8')),
  )
  expect(found.toSorted()).toEqual(Object.keys(PLACES).toSorted())
})

describe('pg', () => {
  // src/db/scoped-query.ts overrides or calls these.
  it.each([
    'prepare',
    'handleDataRow',
    'handleCommandComplete',
    'handleError',
    'handleCopyInResponse',
    'submit',
  ])('Query has %s', (name) => {
    expect(Object.getOwnPropertyNames(pg.Query.prototype)).toContain(name)
  })

  it('a client has a connection, which notes the statements that it has sent and writes the protocol', () => {
    const { connection } = new pg.Client() as unknown as { connection: Record<string, unknown> }
    expect(connection).toMatchObject({ parsedStatements: {}, submittedNamedStatements: {} })
    for (const name of ['parse', 'bind', 'execute', 'sync', 'sendCopyFail'])
      expect(connection[name]).toBeTypeOf('function')
    expect(connection.stream).toMatchObject({ writable: expect.any(Boolean), write: expect.any(Function) })
  })

  // src/db/text-message.ts is such a query.
  it('a client calls nothing else on a query of our own than what Submitted has', async () => {
    const database = await createTestDatabase()
    const client = new pg.Client({ connectionString: database.runtimeUrl, query_timeout: 60_000 })
    await client.connect()
    const used = new Set<string>()
    const run = (text: string) =>
      new Promise((resolve) => {
        const message = new TextMessage([aheadOf({ text: 'SELECT 1', values: [] })], {
          text,
          values: [],
          name: text,
        })
        const seen = new Proxy(message, {
          get(target, key) {
            used.add(String(key))
            const value: unknown = Reflect.get(target, key, target)
            return typeof value === 'function' ? value.bind(target) : value
          },
          set(target, key, value) {
            used.add(String(key))
            return Reflect.set(target, key, value, target)
          },
        })
        submitOn(client, seen, (error, answer) => resolve(error ?? answer))
      })
    expect(await run("SELECT 'one'")).toBe('one')
    expect(await run('')).toBeNull()
    expect(await run('SELECT nothing')).toMatchObject({ code: '42703' })
    expect(await run('COPY (SELECT 1) TO STDOUT')).toBeNull()
    await client.end()
    await database.drop()
    // Those with an underscore, `query_timeout`, `binary` and `values` are looked for and not found; they may stay absent.
    const absent = new Set(['_result', 'query_timeout', 'binary'])
    const written = [...used].filter((name) => !absent.has(name)).toSorted()
    const present = written.filter((name) => name in new TextMessage([], { text: '', values: [] }))
    expect(written).toEqual(present)
    expect(written).toEqual(
      expect.arrayContaining(['callback', 'handleDataRow', 'handleReadyForQuery', 'name', 'submit', 'text']),
    )
  })

  // src/db/faults.ts recognises these faults only by their messages.
  it.each([
    ['pg/lib/client.js', 'Connection terminated'],
    ['pg-pool', 'Connection terminated due to connection timeout'],
    ['pg/lib/client.js', 'timeout expired'],
    ['pg/lib/client.js', 'Query read timeout'],
    ['pg/lib/client.js', 'connection error and is not queryable'],
    ['pg/lib/client.js', 'Client was closed and is not queryable'],
    ['pg-pool', 'timeout exceeded when trying to connect'],
    ['pg-pool', 'Cannot use a pool after calling end'],
  ])('%s says: %s', (file, words) => {
    const { resolve } = createRequire(import.meta.url)
    expect(readFileSync(resolve(file), 'utf8')).toContain(words)
  })
})

describe('graphile-worker', () => {
  // src/db/queue/queue-connection.ts and two migrations use these tables, whose names mark them as private.
  it('its private tables have the columns that are used', async () => {
    const database = await createTestDatabase()
    const columns = await asAdmin(database.adminUrl, async (admin) => {
      const { rows } = await admin.query<{ column: string }>(
        `SELECT table_name || '.' || column_name AS column FROM information_schema.columns
         WHERE table_schema = 'graphile_worker'`,
      )
      return rows.map(({ column }) => column)
    })
    await database.drop()
    const jobs = ['id', 'task_id', 'job_queue_id', 'payload', 'attempts', 'max_attempts', 'last_error']
    const times = ['run_at', 'updated_at', 'locked_at', 'locked_by']
    const queues = ['id', 'queue_name', 'locked_at', 'locked_by']
    expect(columns).toEqual(
      expect.arrayContaining([
        ...[...jobs, ...times].map((name) => `_private_jobs.${name}`),
        ...queues.map((name) => `_private_job_queues.${name}`),
        ...['id', 'identifier'].map((name) => `_private_tasks.${name}`),
      ]),
    )
  })
})

describe('GraphQL', () => {
  it('src/edge/apollo-plugin.ts: Apollo runs a document that a plugin has set, and reads none itself', async () => {
    const fields = { count: { type: GraphQLInt, resolve: () => 1 } }
    const apollo = new ApolloServer({
      schema: new GraphQLSchema({ query: new GraphQLObjectType({ name: 'Query', fields }) }),
      documentStore: null,
      plugins: [
        {
          requestDidStart: async () => ({
            didResolveSource: async (request) => {
              ;(request as { document?: DocumentNode }).document = parse('{ count }')
            },
          }),
        },
      ],
    })
    const { body } = await apollo.executeOperation({ query: '{ nothing that can be read' })
    await apollo.stop()
    expect(body).toMatchObject({ singleResult: { data: { count: 1 } } })
  })

  it('src/edge/documents.ts: the parser says in these words that a document has too many tokens', () => {
    expect(() => parse('{ a b c }', { maxTokens: 2 })).toThrow('more that 2 tokens')
  })
})

it('oidc-provider: src/development/provider.ts loads its memory adapter', async () => {
  const { createMemoryAdapter } = await import('oidc-provider/lib/adapters/memory_adapter.js')
  expect(createMemoryAdapter).toBeTypeOf('function')
})

it('Node.js: src/edge/intake.ts has an answer close its connection', () => {
  const response = new ServerResponse(new IncomingMessage(new Socket()))
  expect(response).toHaveProperty('shouldKeepAlive')
})
