// Serves GraphiQL from this server alone. It signs in with the development issuer, so it is never added in production.
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { graphiqlPage } from './graphiql-page.ts'
import { CLIENT_ID, issuerAt } from './provider.ts'
import type { DevelopmentSignIn } from './sign-in.ts'

const NONCE_BYTES = 16
const EXPLORER = new URL('explorer.js', import.meta.url)

/** The files of the page, each an export of the package under its own path. */
const PARTS = {
  'graphiql.js': ['js', 'text/javascript; charset=utf-8'],
  'graphiql.css': ['css', 'text/css; charset=utf-8'],
  'editor.worker.js': ['editorWorkerService', 'text/javascript; charset=utf-8'],
  'json.worker.js': ['jsonWorker', 'text/javascript; charset=utf-8'],
  'graphql.worker.js': ['graphqlWorker', 'text/javascript; charset=utf-8'],
} as const

/** Adds `GET /graphiql`, which signs in with the issuer, and leads there from `/`. */
export function addGraphiql(
  app: FastifyInstance,
  signIn: Pick<DevelopmentSignIn, 'origin'>,
  firstFields: readonly string[],
): void {
  app.get('/', (_request, reply) => reply.redirect('/graphiql'))
  app.get('/graphiql', (request, reply) => {
    const origin = signIn.origin() ?? ''
    // The issuer knows this server by one name, and redirects to no other.
    if (request.headers.host !== new URL(origin).host) return reply.redirect(`${origin}/graphiql`)
    const nonce = randomBytes(NONCE_BYTES).toString('base64')
    const page = graphiqlPage({ issuer: issuerAt(origin), clientId: CLIENT_ID, firstFields, nonce })
    return sendPage(reply, nonce, page)
  })
  app.get('/graphiql/explorer.js', async (_request, reply) =>
    sendPart(reply, 'text/javascript; charset=utf-8', await readFile(EXPLORER, 'utf8')),
  )
  for (const [name, [part, type]] of Object.entries(PARTS)) {
    app.get(`/graphiql/${name}`, async (_request, reply) => {
      // 9 MB that few processes need: loaded when the page is first opened.
      const parts = await import('@graphql-yoga/render-graphiql/graphiql')
      return sendPart(reply, type, parts[part])
    })
  }
}

function sendPart(reply: FastifyReply, type: string, text: string): FastifyReply {
  return reply.header('content-type', type).header('cache-control', 'no-cache').send(text)
}

function sendPage(reply: FastifyReply, nonce: string, html: string): FastifyReply {
  return reply
    .header('content-type', 'text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('content-security-policy', policy(nonce))
    .header('referrer-policy', 'no-referrer')
    .header('x-frame-options', 'DENY')
    .send(html)
}

/** Blocks loading from and sending to other servers, whatever the page's nine megabytes of script may try. */
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
