// GET /auth/tenants: the tenants that a signed-in person may name in the header bulkhead-tenant. Enters none of them.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Authenticator, credentialsOf } from '../auth/authenticate.ts'

export type TenantsRouteOptions = { readonly authenticator: Authenticator }

/** Adds the route. It takes a person's token, and no tenant: whoever asks may be a member of none. */
export function addTenantsRoute(app: FastifyInstance, options: TenantsRouteOptions): void {
  async function handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const choices = await options.authenticator.tenantsOf(credentialsOf(request))
    const tenants = choices.map(({ slug, name, role, status }) => ({ slug, name, role, status }))
    return reply.send({ tenants })
  }

  app.get('/auth/tenants', {
    exposeHeadRoute: false,
    handler: handle,
  })
}
