// GET /auth/tenants: the tenants that a signed-in person may name in the header bulkhead-tenant.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Authenticator, credentialsOf } from '../auth/authenticate.ts'

export type TenantsRouteOptions = { readonly authenticator: Authenticator }

/** Adds the route. It needs a person's token without a tenant, since the person may be a member of none. */
export function addTenantsRoute(app: FastifyInstance, options: TenantsRouteOptions): void {
  async function handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const choices = await options.authenticator.tenantsOf(credentialsOf(request))
    const tenants = choices.map(({ slug, name, role, status }) => ({ slug, name, role, status }))
    return reply.send({ tenants })
  }

  app.get('/auth/tenants', {
    config: { crossOrigin: true },
    exposeHeadRoute: false,
    handler: handle,
  })
}
