// The peer `typical`: what a competent team builds with the same parts. Apollo Server behind its fastify integration,
// Pothos with its Prisma plugin, and row-level security by Prisma's documented extension.
import { createHash } from 'node:crypto'
import { ApolloServer } from '@apollo/server'
import fastifyApollo, { fastifyApolloDrainPlugin } from '@as-integrations/fastify'
import fastify from 'fastify'
import { CONNECTIONS, HOST, readSetting } from './setting.ts'
import { documentedExtension, openPrisma } from './typical-database.ts'
import { type Context, createSchema } from './typical-schema.ts'

const { port, databaseUrl, authenticate } = readSetting()
const prisma = openPrisma(databaseUrl, CONNECTIONS)
const tenants = new Map<string, Context['db']>()

/** Extending a client costs tens of microseconds, so once per tenant. */
function clientOf(tenantId: string): Context['db'] {
  let client = tenants.get(tenantId)
  if (client === undefined) {
    client = documentedExtension(prisma, tenantId)
    tenants.set(tenantId, client)
  }
  return client
}

const app = fastify()
const server = new ApolloServer<Context>({
  schema: createSchema(prisma, (input) => createHash('sha256').update(JSON.stringify(input)).digest()),
  plugins: [fastifyApolloDrainPlugin(app)],
})
await server.start()
await app.register(fastifyApollo(server), {
  context: async (request) => {
    const identity = authenticate(request.headers.authorization)
    return { ...identity, requestId: request.id, db: clientOf(identity.tenantId) }
  },
})
await app.listen({ port, host: HOST })
