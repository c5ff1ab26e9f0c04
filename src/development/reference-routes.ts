// Serves the reference of this server's schema as one page, from this server alone.
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'
import type { GraphQLSchema } from 'graphql'
import { referencePage } from './reference-page.ts'

const NONCE_BYTES = 16
const SCRIPT = new URL('reference.js', import.meta.url)

/** Adds `GET /reference`. */
export function addReference(app: FastifyInstance, schema: GraphQLSchema): void {
  app.get('/reference', (_request, reply) => {
    const nonce = randomBytes(NONCE_BYTES).toString('base64')
    return reply
      .header('content-type', 'text/html; charset=utf-8')
      .header('cache-control', 'no-store')
      .header('content-security-policy', policy(nonce))
      .header('referrer-policy', 'no-referrer')
      .header('x-frame-options', 'DENY')
      .send(referencePage(schema, nonce))
  })
  app.get('/reference/reference.js', async (_request, reply) =>
    reply
      .header('content-type', 'text/javascript; charset=utf-8')
      .header('cache-control', 'no-cache')
      .send(await readFile(SCRIPT, 'utf8')),
  )
}

/** One style and one script of this server, and nothing that is sent. */
function policy(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'nonce-${nonce}'`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}
