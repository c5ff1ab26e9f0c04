// GraphiQL, from this server alone: the page, its parts, and the token it is signed in with. For development only:
// whoever can reach it may act as any demo member. Never added in production.
import { randomBytes } from 'node:crypto'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { graphiqlPage } from './graphiql-page.ts'
import { isLoopbackName } from './loopback.ts'

/** A token of this server's development issuer for a member of a tenant. */
export type DevelopmentToken = (tenantSlug: string, email: string) => string

const NONCE_BYTES = 16
const AS = /^[a-z]{1,32}@([a-z0-9-]{1,63})\.example$/
const AS_DEFAULT = 'owner@acme.example'

/** The parts of the page, each of the package's exports under its own address. */
const PARTS = {
  'graphiql.js': ['js', 'text/javascript; charset=utf-8'],
  'graphiql.css': ['css', 'text/css; charset=utf-8'],
  'editor.worker.js': ['editorWorkerService', 'text/javascript; charset=utf-8'],
  'json.worker.js': ['jsonWorker', 'text/javascript; charset=utf-8'],
  'graphql.worker.js': ['graphqlWorker', 'text/javascript; charset=utf-8'],
} as const

/** Adds `GET /graphiql`, signed in as the member of `?as=`. */
export function addGraphiql(app: FastifyInstance, developmentToken: DevelopmentToken): void {
  app.get<{ Querystring: Record<string, unknown> }>('/graphiql', (request, reply) => {
    const { as } = request.query
    const email = typeof as === 'string' && AS.test(as) ? as : AS_DEFAULT
    const tenantSlug = AS.exec(email)?.[1] ?? ''
    // A name that somebody else's DNS points here would let their page read the token.
    const token = isLoopbackName(request.headers.host) ? developmentToken(tenantSlug, email) : null
    const nonce = randomBytes(NONCE_BYTES).toString('base64')
    sendPage(reply, nonce, graphiqlPage({ email, token, nonce }))
  })
  for (const [name, [part, type]] of Object.entries(PARTS)) {
    app.get(`/graphiql/${name}`, async (_request, reply) => {
      // 9 MB, wanted by few processes: read when the first page is opened.
      const parts = await import('@graphql-yoga/render-graphiql/graphiql')
      return reply.header('content-type', type).header('cache-control', 'no-cache').send(parts[part])
    })
  }
}

function sendPage(reply: FastifyReply, nonce: string, html: string): void {
  reply
    .header('content-type', 'text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('content-security-policy', policy(nonce))
    .header('referrer-policy', 'no-referrer')
    .header('x-frame-options', 'DENY')
    .send(html)
}

/** Nothing is loaded from, or sent to, anywhere else, whatever the page's nine megabytes may try. */
function policy(nonce: string): string {
  return [
    "default-src 'none'",
    `script-src 'self' 'nonce-${nonce}'`,
    "worker-src 'self' blob:",
    // The editor positions its lines by style attributes.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}
