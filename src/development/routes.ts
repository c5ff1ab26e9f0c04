// The development routes behind one gate: the issuer, GraphiQL, the reference and the mailbox. They authenticate anybody who reaches
// them, so the gate admits only this machine, and no request through a proxy. Never added in production.
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { GraphQLSchema } from 'graphql'
import type { Logger } from '../core/logger.ts'
import { isLoopbackAddress, isLoopbackName, isLoopbackOrigin } from '../core/loopback.ts'
import type { Route } from '../edge/http-server.ts'
import { addGraphiql } from './graphiql-routes.ts'
import type { Mailbox } from './mailbox.ts'
import { addMailbox } from './mailbox-routes.ts'
import { addReference } from './reference-routes.ts'
import { addDevelopmentSignIn, type DevelopmentSignIn, type DevelopmentSignInOptions } from './sign-in.ts'

type DevelopmentOptions = {
  /** The issuer, GraphiQL, which signs in with it, and the reference; null: none of them. */
  readonly development: (DevelopmentSignInOptions & { readonly firstFields: readonly string[] }) | null
  /** Null: there is no mailbox. */
  readonly mailbox: Pick<Mailbox, 'list'> | null
}

/** Every route added here answers 404 to requests that the gate refuses. */
export function developmentRoutes(options: DevelopmentOptions): Route {
  return (app, { logger, schema }) => addDevelopment(app, options, { logger, schema })
}

function addDevelopment(
  app: FastifyInstance,
  { development, mailbox }: DevelopmentOptions,
  { logger, schema }: { readonly logger: Logger; readonly schema: GraphQLSchema },
): (origin: string) => void {
  let signIn: DevelopmentSignIn | null = null
  let isLogged = false
  app.register(async (scope) => {
    scope.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
      const reason = foreignSign(request)
      if (reason === null) return
      // Once, so that repeated requests cannot fill the log.
      if (!isLogged) logger.warn({ reason }, 'a development page was requested from elsewhere: 404')
      isLogged = true
      reply.callNotFound()
      return reply
    })
    if (development !== null) {
      signIn = addDevelopmentSignIn(scope, { ...development, logger })
      addGraphiql(scope, signIn, development.firstFields)
      addReference(scope, schema)
    }
    if (mailbox !== null) addMailbox(scope, mailbox)
  })
  // The server's URL is the issuer's name.
  return (origin) => signIn?.open(origin)
}

/** Headers that proxies add, besides X-Forwarded-…; any value shows a proxy. */
const PROXY_HEADERS: ReadonlySet<string> = new Set(
  (
    'forwarded via x-real-ip x-client-ip x-cluster-client-ip x-original-host x-original-forwarded-for ' +
    'x-envoy-external-address x-proxyuser-ip true-client-ip client-ip cf-connecting-ip cf-ray cdn-loop ' +
    'fastly-client-ip fly-client-ip x-azure-clientip x-appengine-user-ip'
  ).split(' '),
)
const FORWARDED_PREFIX = 'x-forwarded'

/** Why a request may not be a person's at this machine, for the log; null: no sign of that. */
function foreignSign({ raw }: FastifyRequest): string | null {
  const { headers, socket, httpVersion } = raw
  if (!isLoopbackAddress(socket.remoteAddress)) return 'another machine'
  const header = Object.keys(headers).find(
    (name) => PROXY_HEADERS.has(name) || name.startsWith(FORWARDED_PREFIX),
  )
  if (header !== undefined) return `a proxy (${header})`
  // Browsers use HTTP/1.1; nginx before 1.29.7 uses 1.0 to its upstream, with our own name in Host and no other header.
  if (httpVersion !== '1.1') return `a proxy (HTTP/${httpVersion})`
  // Another name that resolves to this machine would let its page choose a person and read the mail.
  if (!isLoopbackName(headers.host)) return 'another name in Host'
  return foreignPage(headers)
}

/** The reason for a request that another site's page made the browser send; null: no sign of that. */
function foreignPage({ origin, ...headers }: IncomingHttpHeaders): string | null {
  const site = headers['sec-fetch-site']
  if (origin === undefined) {
    // Following a link or a redirect, as an app's own sign-in does: the page that sent it cannot read the answer.
    const isLink = headers['sec-fetch-mode'] === 'navigate'
    return site === 'cross-site' && !isLink ? 'a page of another site' : null
  }
  // Our own forms send Origin: null; only Sec-Fetch-Site distinguishes them from a sandboxed frame elsewhere.
  const isOwn = origin === 'null' && (site === 'same-origin' || site === 'none')
  return isOwn || isLoopbackOrigin(origin) ? null : 'a page of another origin'
}
