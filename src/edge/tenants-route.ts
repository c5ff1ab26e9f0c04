// GET /auth/tenants: the tenants that a signed-in person may name in the header bulkhead-tenant. Enters none of them.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from '../core/logger.ts'
import { type Authenticator, credentialsOf } from './authenticate.ts'
import { createErrorMask, STATUS_OF } from './mask-errors.ts'

export type TenantsRouteOptions = {
  readonly authenticator: Authenticator
  readonly logger: Logger
  readonly hideSuggestions: boolean
}

const CHALLENGE = 'Bearer realm="bulkhead"'
const RETRY_AFTER_SECONDS = 1

/** Adds the route. It takes a person's token, and no tenant: whoever asks may be a member of none. */
export function addTenantsRoute(app: FastifyInstance, options: TenantsRouteOptions): void {
  const mask = createErrorMask(options)

  async function handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const choices = await options.authenticator.tenantsOf(credentialsOf(request))
    const tenants = choices.map(({ slug, name, role, status }) => ({ slug, name, role, status }))
    return reply.header('cache-control', 'no-store').send({ tenants })
  }

  app.get('/auth/tenants', {
    exposeHeadRoute: false,
    handler: handle,
    errorHandler: (error, request, reply) => {
      const [masked] = mask([error], request.id)
      const code = masked?.extensions.code ?? 'INTERNAL'
      if (code === 'UNAUTHENTICATED') reply.header('www-authenticate', CHALLENGE)
      if (code === 'SERVICE_UNAVAILABLE') reply.header('retry-after', String(RETRY_AFTER_SECONDS))
      reply
        .code(STATUS_OF[code])
        .header('cache-control', 'no-store')
        .send({ error: masked?.message, code, requestId: request.id })
    },
  })
}
