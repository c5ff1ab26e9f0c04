// Owns: what an HTTP server has in development alone, behind one gate: the issuer, GraphiQL and the mailbox. They believe
// anybody who reaches them, so they answer this machine and nobody who came through a proxy. Never added in production.
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from '../core/logger.ts'
import { isLoopbackAddress, isLoopbackName, isLoopbackOrigin } from '../core/loopback.ts'
import type { Route } from '../edge/http-server.ts'
import { addGraphiql } from './graphiql-routes.ts'
import type { Mailbox } from './mailbox.ts'
import { addMailbox } from './mailbox-routes.ts'
import { addDevelopmentSignIn, type DevelopmentSignIn, type DevelopmentSignInOptions } from './sign-in.ts'

type DevelopmentOptions = {
  /** The issuer, and GraphiQL, which signs in with it; null: there are none. */
  readonly development: DevelopmentSignInOptions | null
  /** Null: there is no mail to show. */
  readonly mailbox: Pick<Mailbox, 'list'> | null
}

/** Whatever is added here answers 404, as if it were not there, to everybody whom the gate keeps out. */
export function developmentRoutes(options: DevelopmentOptions): Route {
  return (app, { logger }) => addDevelopment(app, options, logger)
}

function addDevelopment(
  app: FastifyInstance,
  { development, mailbox }: DevelopmentOptions,
  logger: Logger,
): (origin: string) => void {
  let signIn: DevelopmentSignIn | null = null
  let isTold = false
  app.register(async (scope) => {
    scope.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
      const reason = foreignSign(request)
      if (reason === null) return
      // Once: who keeps asking could fill the log.
      if (!isTold) logger.warn({ reason }, 'a page of development was asked for from elsewhere: 404')
      isTold = true
      reply.callNotFound()
      return reply
    })
    if (development !== null) {
      signIn = addDevelopmentSignIn(scope, { ...development, logger })
      addGraphiql(scope, signIn)
    }
    if (mailbox !== null) addMailbox(scope, mailbox)
  })
  // The server's address is the issuer's name.
  return (origin) => signIn?.open(origin)
}

/** Headers that proxies add, beside every X-Forwarded-…: whatever they say, a proxy was there. */
const PROXY_HEADERS: ReadonlySet<string> = new Set(
  (
    'forwarded via x-real-ip x-client-ip x-cluster-client-ip x-original-host x-original-forwarded-for ' +
    'x-envoy-external-address x-proxyuser-ip true-client-ip client-ip cf-connecting-ip cf-ray cdn-loop ' +
    'fastly-client-ip fly-client-ip x-azure-clientip x-appengine-user-ip'
  ).split(' '),
)
const FORWARDED_PREFIX = 'x-forwarded'

/** Why a request is not a person's at this machine, in a word for the log; null: nothing says that it is not. */
function foreignSign({ raw }: FastifyRequest): string | null {
  const { headers, socket, httpVersion } = raw
  if (!isLoopbackAddress(socket.remoteAddress)) return 'another machine'
  const header = Object.keys(headers).find(
    (name) => PROXY_HEADERS.has(name) || name.startsWith(FORWARDED_PREFIX),
  )
  if (header !== undefined) return `a proxy (${header})`
  // No browser speaks it; nginx before 1.29.7 does to what is behind it, with our own name in Host and no header more.
  if (httpVersion !== '1.1') return `a proxy (HTTP/${httpVersion})`
  // A name that somebody else's DNS points here would let their page choose who to be, and read the mail.
  if (!isLoopbackName(headers.host)) return 'another name in Host'
  return foreignPage(headers)
}

/** A word for a request that a page elsewhere made the browser send; null: nothing says so. */
function foreignPage({ origin, ...headers }: IncomingHttpHeaders): string | null {
  const site = headers['sec-fetch-site']
  if (origin === undefined) {
    // Following a link or a redirect, as an app's own sign-in does: the page that sent it sees nothing of the answer.
    const isLink = headers['sec-fetch-mode'] === 'navigate'
    return site === 'cross-site' && !isLink ? 'a page of another site' : null
  }
  // Our own forms hide their address; only the browser tells them from those of a sandboxed frame elsewhere.
  const isOwn = origin === 'null' && (site === 'same-origin' || site === 'none')
  return isOwn || isLoopbackOrigin(origin) ? null : 'a page of another origin'
}
