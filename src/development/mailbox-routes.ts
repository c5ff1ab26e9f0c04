// The development mailbox: a page, and the same as JSON. Anybody who can read it can accept invitations, so it is added
// only behind the gate of routes.ts.
import { randomBytes } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Mailbox } from './mailbox.ts'
import { mailboxPage } from './mailbox-page.ts'

const NONCE_BYTES = 16

/** Adds `GET /mailbox` and `GET /mailbox/messages`. */
export function addMailbox(app: FastifyInstance, mailbox: Pick<Mailbox, 'list'>): void {
  app.get('/mailbox', { onRequest: keepPrivate }, async (_request, reply) => {
    const nonce = randomBytes(NONCE_BYTES).toString('base64')
    return reply
      .header('content-type', 'text/html; charset=utf-8')
      .header('content-security-policy', policy(nonce))
      .header('x-frame-options', 'DENY')
      .send(mailboxPage({ mails: await mailbox.list(), nonce }))
  })
  app.get('/mailbox/messages', { onRequest: keepPrivate }, async (_request, reply) =>
    reply.send(await mailbox.list()),
  )
}

async function keepPrivate(_request: FastifyRequest, reply: FastifyReply): Promise<void> {
  reply
    .header('cache-control', 'no-store')
    .header('referrer-policy', 'no-referrer')
    .header('cross-origin-resource-policy', 'same-origin')
}

/** A page of text: no script, no loading, no sending except links. */
function policy(nonce: string): string {
  return [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}
