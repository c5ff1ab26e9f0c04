// Signing in for development: the issuer below /oidc, and its page for choosing a person. Anybody who reaches it may be
// anybody, so it is added only behind the gate of routes.ts.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Provider } from 'oidc-provider'
import { z } from 'zod'
import type { IssuerConfig } from '../auth/token-issuer.ts'
import { emailAddress } from '../core/email.ts'
import type { Logger } from '../core/logger.ts'
import { isSlug } from '../core/slug.ts'
import { choosePage, type DemoPeople, messagePage, PAGE_POLICY } from './choose-page.ts'
import type { DevelopmentKey } from './key.ts'
import { accountIdOf, createDevelopmentProvider, ISSUER_PATH, trustedConfig } from './provider.ts'

export type DevelopmentSignInOptions = {
  readonly key: DevelopmentKey
  /** Makes the server accept the issuer's tokens. */
  readonly trust: (config: IssuerConfig) => void
  /** The people offered on the page. */
  readonly people: () => Promise<readonly DemoPeople[]>
}

export type DevelopmentSignIn = {
  /** The server's origin; null before it listens. */
  origin(): string | null
  /** Called when the server's URL is known, which is the issuer's name. */
  open(origin: string): void
}

const CHOICE_BYTES_MAX = 4 * 1_024
const MISDIRECTED = 421

const choiceSchema = z.union([
  z.object({ cancel: z.literal('true') }),
  z.object({
    email: emailAddress,
    tenant: z.string().refine(isSlug).optional(),
    support: z.literal('true').optional(),
  }),
])

/** Adds the issuer; its metadata is at /oidc/.well-known/openid-configuration. */
export function addDevelopmentSignIn(
  app: FastifyInstance,
  options: DevelopmentSignInOptions & { readonly logger: Logger },
): DevelopmentSignIn {
  let origin: string | null = null
  let made: Promise<Provider> | undefined
  const provider = (at: string): Promise<Provider> => {
    made ??= createDevelopmentProvider({ ...options, origin: at })
    return made
  }
  const onRequest = async (request: FastifyRequest, reply: FastifyReply) => {
    // With localhost for 127.0.0.1, tokens would name another issuer.
    if (origin !== null && request.headers.host === new URL(origin).host) return
    await reply.code(MISDIRECTED).send({ error: `The development issuer answers only at ${origin}.` })
  }
  app.register(async (scope) => {
    scope.addHook('onRequest', onRequest)
    scope.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: CHOICE_BYTES_MAX },
      (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body)))),
    )
    scope.get(`${ISSUER_PATH}/choose/:uid`, async (_request, reply) =>
      sendPage(reply, choosePage(await options.people())),
    )
    scope.post(`${ISSUER_PATH}/choose/:uid`, async (request, reply) => {
      const choice = choiceSchema.safeParse(request.body)
      if (!choice.success) {
        return sendPage(reply.code(400), choosePage(await options.people(), 'This is not an e-mail address.'))
      }
      return finish(await provider(origin ?? ''), choice.data, request, reply)
    })
  })
  app.register(async (scope) => {
    scope.addHook('onRequest', onRequest)
    // The issuer parses its bodies itself, within its own limits.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    scope.all(`${ISSUER_PATH}/*`, async ({ raw, id }, reply) => {
      const handle = (await provider(origin ?? '')).callback()
      reply.hijack()
      reply.raw.setHeader('x-request-id', id)
      const url = raw.url ?? ''
      await handle(Object.assign(raw, { originalUrl: url, url: url.slice(ISSUER_PATH.length) }), reply.raw)
    })
  })
  return {
    origin: () => origin,
    open(at) {
      origin = at
      options.trust(trustedConfig(at))
    },
  }
}

async function finish(
  provider: Provider,
  choice: z.infer<typeof choiceSchema>,
  { raw }: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const result =
    'cancel' in choice
      ? { error: 'access_denied', error_description: 'nobody was chosen' }
      : {
          login: {
            accountId: accountIdOf({
              email: choice.email,
              tenant: choice.tenant ?? null,
              isSupport: choice.support !== undefined,
            }),
          },
          consent: {},
        }
  try {
    return reply.redirect(await provider.interactionResult(raw, reply.raw, result), 303)
  } catch (error) {
    if (!(error instanceof Error && error.name === 'SessionNotFound')) throw error
    return sendPage(
      reply.code(400),
      messagePage('Signing in did not work', 'This choice has expired, or was begun in another browser.'),
    )
  }
}

function sendPage(reply: FastifyReply, html: string): FastifyReply {
  return reply
    .header('content-type', 'text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('content-security-policy', PAGE_POLICY)
    .header('referrer-policy', 'no-referrer')
    .header('x-frame-options', 'DENY')
    .send(html)
}
