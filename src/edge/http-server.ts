// The HTTP server: its limits, its routes, and its shutdown. graphql-route.ts has /graphql.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { AppError } from '../core/errors.ts'
import { addCommonHeaders, answerSocketError, createErrorAnswer } from './answer-error.ts'
import {
  type CrossOrigin,
  type CrossOriginOptions,
  createCrossOrigin,
  NO_OTHER_ORIGINS,
} from './cross-origin.ts'
import { addGraphqlRoute, type GraphqlOptions } from './graphql-route.ts'
import { addHealthRoutes, type HealthOptions } from './health-routes.ts'
import { BODY_BYTES_MAX, HTTP_LIMITS, type HttpLimits } from './http-limits.ts'
import { HttpRefusal } from './http-refusal.ts'
import { createIntake, type Intake } from './intake.ts'
import { createMetricsServer } from './metrics-server.ts'
import { addSchemaRoute } from './schema-route.ts'
import { cutOffWhenStalled } from './stalled-sockets.ts'
import { addTenantsRoute } from './tenants-route.ts'
import { createTrustedProxies, type TrustedProxies } from './trusted-proxies.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether pages of the configured other origins may read the route's answers. */
    crossOrigin?: boolean
  }
}

export type HttpServerOptions = Omit<GraphqlOptions, 'isDraining'> &
  Pick<HealthOptions, 'findings'> & {
    /** The modules' routes, and in development those of src/development. */
    readonly routes?: readonly Route[]
    readonly host: string
    /** 0: any free one. */
    readonly port: number
    /** The proxies whose X-Forwarded-For is trusted. Default: none. */
    readonly trustedProxies?: readonly string[]
    /** The pages of other origins that may read answers. Default: none. */
    readonly crossOrigins?: CrossOriginOptions
    /** On the loopback. 0: any free one; null: no metrics are served. */
    readonly metricsPort: number | null
    /** How long requests are still accepted after /readyz answers 503, so that a load balancer notices. */
    readonly drainGraceMs?: number
    /** Smaller bounds than HTTP_LIMITS, for tests. */
    readonly limits?: Partial<HttpLimits>
  }

/** What a module's route gets. */
export type RouteOptions = Pick<
  GraphqlOptions,
  'authenticator' | 'database' | 'services' | 'clock' | 'logger' | 'schema'
>

/** Adds routes to the server; the returned function is called once the server's address is known. */
export type Route = (app: FastifyInstance, options: RouteOptions) => ((origin: string) => void) | undefined

export type HttpServer = {
  /** Resolves when requests are accepted. Rejects when an address is in use. */
  listen(): Promise<{ url: string; metricsUrl: string | null }>
  /**
   * Refuses new connections, lets requests in flight finish for at most 10 s, and resolves when all is closed. In
   * flight are all requests that have reached this machine, read or not.
   */
  close(): Promise<void>
  readonly app: FastifyInstance
}

/**
 * Longer than the idle timeout of common load balancers, which would otherwise use a connection that was just closed.
 */
const KEEP_ALIVE_TIMEOUT_MS = 75_000
const DRAIN_TIMEOUT_MS = 10_000
const METRICS_HOST = '127.0.0.1'
const REQUEST_ID = /^[\w.:-]{8,128}$/

/** Makes the server. It does not listen, and Apollo does not start, before `listen` (or `app.ready`). */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { host, port, metricsPort, metrics, logger, drainGraceMs = 0 } = options
  let closing: Promise<void> | undefined
  const isDraining = () => closing !== undefined
  const metricsServer =
    metricsPort === null ? null : createMetricsServer({ metrics, host: METRICS_HOST, port: metricsPort })
  const app = createApp(options)
  addGraphqlRoute(app, { ...options, isDraining })
  addHealthRoutes(app, { ...options, isDraining })
  addTenantsRoute(app, options)
  addSchemaRoute(app, options)
  const opens = (options.routes ?? []).map((addRoute) => addRoute(app, options))

  async function close(): Promise<void> {
    if (drainGraceMs > 0) await new Promise((resolve) => setTimeout(resolve, drainGraceMs))
    const timer = setTimeout(() => {
      logger.warn({ timeoutMs: DRAIN_TIMEOUT_MS }, 'requests in flight were cut off at the end')
      app.server.closeAllConnections()
    }, DRAIN_TIMEOUT_MS)
    try {
      await app.close()
    } finally {
      clearTimeout(timer)
      await metricsServer?.close()
    }
  }

  return {
    app,
    async listen() {
      // Metrics first: when their address is in use, nothing has been served yet.
      const scraped = await metricsServer?.listen()
      try {
        const url = await app.listen({ host, port })
        for (const open of opens) open?.(url)
        return { url, metricsUrl: scraped?.url ?? null }
      } catch (error) {
        await metricsServer?.close()
        throw error
      }
    },
    close() {
      closing ??= close()
      return closing
    },
  }
}

type AppOptions = Pick<HttpServerOptions, 'trustedProxies' | 'crossOrigins' | 'limits' | 'logger'>

function createApp({
  trustedProxies = [],
  crossOrigins = NO_OTHER_ORIGINS,
  limits: given,
  logger,
}: AppOptions): FastifyInstance {
  const limits = { ...HTTP_LIMITS, ...given }
  const trusted = createTrustedProxies(trustedProxies, logger)
  const intake = createIntake({ limits, trusted, logger })
  const crossOrigin = createCrossOrigin(crossOrigins)
  const answerError = createErrorAnswer(logger)
  const app = fastify({
    logger: false,
    trustProxy: trustedProxies.length > 0 && trusted.has,
    bodyLimit: BODY_BYTES_MAX,
    http: {
      // Node swaps the two if the request's timeout is shorter, so both are set.
      headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs),
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: limits.checkingIntervalMs,
      // Refused below, in the common form.
      requireHostHeader: false,
    },
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    // A request that still arrives is served; its answer closes the connection.
    return503OnClosing: false,
    requestIdHeader: false,
    genReqId: ({ headers }) => {
      const given = headers['x-request-id']
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : newRequestId()
    },
    // For paths that cannot be parsed, which reach no hook.
    frameworkErrors: (error, request, reply) => {
      addCommonHeaders(request, reply)
      reply.headers(crossOrigin.headersFor(request.headers.origin))
      answerError(error, request, reply)
    },
    clientErrorHandler: (error, socket) =>
      answerSocketError(error, socket, {
        requestId: newRequestId(),
        response: intake.responseOn(socket),
        crossOrigin,
      }),
  })
  // Only application/json is parsed: a form of another site is refused with 415.
  app.removeContentTypeParser('text/plain')
  intake.watch(app.server)
  // Refused below, since Node would answer both with an empty body.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  app.server.on('connect', (_request, socket: Socket) =>
    answerSocketError(new Error('CONNECT'), socket, {
      requestId: newRequestId(),
      response: intake.responseOn(socket),
      crossOrigin,
    }),
  )
  addIntake(app, { intake, trusted, limits, crossOrigin })
  app.addHook('preClose', takeInWhatIsHere)
  app.setErrorHandler<Error>(answerError)
  app.setNotFoundHandler(() => {
    throw nothingHere()
  })
  return app
}

/**
 * Waits for what the kernel has received and Node has not read yet: closing the listener would reset such connections,
 * and a kept-alive one counts as idle although its next request has arrived. One turn of the event loop finishes the
 * current work, and the next reads what has arrived.
 */
async function takeInWhatIsHere(): Promise<void> {
  await nextTurn()
  await nextTurn()
}

type IntakeOptions = {
  readonly intake: Intake
  readonly trusted: TrustedProxies
  readonly limits: HttpLimits
  readonly crossOrigin: CrossOrigin
}

/** Before every route: a request is counted before anything else. */
function addIntake(app: FastifyInstance, { intake, trusted, limits, crossOrigin }: IntakeOptions): void {
  app.addHook('onRequest', (request, reply, done) => {
    cutOffWhenStalled(reply.raw, limits.quietMs)
    addCommonHeaders(request, reply)
    // A path without a route has no secret, and an unreadable 404 would show as a network error.
    const isCrossOrigin = request.is404 || request.routeOptions.config.crossOrigin === true
    if (isCrossOrigin) reply.headers(crossOrigin.headersFor(request.headers.origin))
    trusted.notice(request.headers, request.socket.remoteAddress)
    const refusal = refusalBy(() => intake.enter(request.raw, reply.raw))
    const problem = refusal ?? unanswerable(request.raw)
    if (problem === undefined && isCrossOrigin && isPreflight(request)) {
      answerPreflight(crossOrigin, request, reply, done)
      return
    }
    // Before a body is read.
    done(problem ?? (request.is404 ? nothingHere() : undefined))
  })
  app.addHook('preParsing', (request, reply, _payload, done) => {
    const { raw, ip: address } = request
    const isCallerKnown = request.caller !== null
    done(refusalBy(() => intake.countBody({ request: raw, response: reply.raw, address, isCallerKnown })))
  })
}

function isPreflight({ method, headers }: FastifyRequest): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
}

/** Answers for the method that follows, whether or not the path has a route: that request gets its own answer. */
function answerPreflight(
  crossOrigin: CrossOrigin,
  { headers }: FastifyRequest,
  reply: FastifyReply,
  refuse: (error: Error) => void,
): void {
  const allowed = crossOrigin.preflightFor(headers.origin, headers['access-control-request-headers'])
  if (allowed === null) {
    refuse(new HttpRefusal(403, 'pages of this origin may not read answers: CORS_ORIGINS', 'FORBIDDEN'))
    return
  }
  reply.code(204).headers(allowed).send()
}

/** Requests that HTTP/1.1 forbids to serve, and bodies in a coding that is not read. */
function unanswerable({ headers, httpVersion }: IncomingMessage): HttpRefusal | undefined {
  const { host, expect, 'content-encoding': coding = 'identity' } = headers
  if (host === undefined && httpVersion === '1.1') return new HttpRefusal(400, 'a Host header is required')
  if (expect !== undefined && expect.toLowerCase() !== '100-continue')
    return new HttpRefusal(417, 'the Expect header can only be 100-continue')
  // A body that unpacks to a thousand times its size would pass the limit of its length.
  if (coding.trim().toLowerCase() !== 'identity')
    return new HttpRefusal(
      415,
      'the Content-Encoding header can only be identity: send the body uncompressed',
    )
  return undefined
}

function nothingHere(): AppError {
  return new AppError('NOT_FOUND', 'There is nothing here.')
}

function refusalBy(work: () => void): AppError | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
}

/** A UUID v7 that need not sort within its millisecond: Node takes random UUIDs from a pool, at a third of the cost. */
function newRequestId(): string {
  const time = Date.now().toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`
}
