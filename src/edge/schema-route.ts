// GET /schema.graphql: the schema as a file, where introspection is allowed and to those who may introspect: any caller.
import { hash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql'
import { type Authenticator, credentialsOf } from '../auth/authenticate.ts'
import { createCompressor } from './compression.ts'

export type SchemaRouteOptions = {
  readonly schema: GraphQLSchema
  readonly authenticator: Authenticator
  readonly introspection: boolean
}

export function addSchemaRoute(app: FastifyInstance, options: SchemaRouteOptions): void {
  if (!options.introspection) return
  const compressor = createCompressor()
  let printed: { readonly text: string; readonly etag: string } | undefined

  async function handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    await options.authenticator.authenticate(credentialsOf(request), request.id)
    printed ??= print(options.schema)
    const { text, etag } = printed
    // Stored by the client and compared each time: the schema changes only with the server's version.
    reply.header('cache-control', 'private, no-cache').header('etag', etag)
    if (request.headers['if-none-match']?.includes(etag)) return reply.code(304).send()
    const packed = compressor.compress(text, request.headers['accept-encoding'], reply)
    return reply
      .header('content-type', 'application/graphql; charset=utf-8')
      .header('content-disposition', 'attachment; filename="schema.graphql"')
      .send(packed === null ? text : await packed)
  }

  app.route({
    method: 'GET',
    url: '/schema.graphql',
    config: { crossOrigin: true },
    exposeHeadRoute: false,
    handler: handle,
  })
}

/** Weak, since the bytes depend on the encoding. */
function print(schema: GraphQLSchema): { text: string; etag: string } {
  const text = `${printSchema(lexicographicSortSchema(schema))}\n`
  return { text, etag: `W/"${hash('sha256', text, 'base64url')}"` }
}
