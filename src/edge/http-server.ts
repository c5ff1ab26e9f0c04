// The HTTP server: its limits, its routes, and how it ends. What /graphql does is graphql-route.ts's.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type FastifyInstance, fastify } from 'fastify'
import { AppError } from '../core/errors.ts'
import { addCommonHeaders, answerSocketError, createErrorAnswer } from './answer-error.ts'
import { addGraphqlRoute, type GraphqlOptions } from './graphql-route.ts'
import { addHealthRoutes, type HealthOptions } from './health-routes.ts'
import { HTTP_LIMITS, type HttpLimits } from './http-limits.ts'
import { HttpRefusal } from './http-refusal.ts'
import { createIntake, type Intake } from './intake.ts'
import { createMetricsServer } from './metrics-server.ts'
import { cutOffWhenStalled } from './stalled-sockets.ts'
import { addTenantsRoute } from './tenants-route.ts'
import { createTrustedProxies, type TrustedProxies } from './trusted-proxies.ts'

export type HttpServerOptions = Omit<GraphqlOptions, 'isDraining'> &
  Pick<HealthOptions, 'findings'> & {
    /** Of the modules, and in development its own. */
    readonly routes?: readonly Route[]
    readonly host: string
    /** 0: any free one. */
    readonly port: number
    /** Whose X-Forwarded-For is believed; nobody's unless told. */
    readonly trustedProxies?: readonly string[]
    /** On the loopback. 0: any free one; null: no metrics are served. */
    readonly metricsPort: number | null
    /** How long requests are still accepted after /readyz says 503, so that a load balancer can notice. */
    readonly drainGraceMs?: number
    /** Smaller bounds than HTTP_LIMITS, for tests. */
    readonly limits?: Partial<HttpLimits>
  }

/** What a route of a module works with. */
export type RouteOptions = Pick<
  GraphqlOptions,
  'authenticator' | 'database' | 'services' | 'clock' | 'logger'
>

/** Adds its routes to the server; what it answers is called when the server's address is known. */
export type Route = (app: FastifyInstance, options: RouteOptions) => ((origin: string) => void) | undefined

export type HttpServer = {
  /** Resolves when requests are accepted. Rejects when an address is taken. */
  listen(): Promise<{ url: string; metricsUrl: string | null }>
  /**
   * Refuses new connections, lets requests in flight finish for 10 s at most, and resolves when all is closed. In flight is
   * what has reached this machine, read or not.
   */
  close(): Promise<void>
  readonly app: FastifyInstance
}

const BODY_BYTES_MAX = 256 * 1_024
/** Longer than the idle timeout of common load balancers, which would otherwise meet a connection just closed. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000
const DRAIN_TIMEOUT_MS = 10_000
const METRICS_HOST = '127.0.0.1'
const REQUEST_ID = /^[\w.:-]{8,128}$/

/** Makes the server. Nothing listens, and Apollo is not started, before `listen` (or `app.ready`). */
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
      // Metrics first: when their address is taken, nothing has been served yet.
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

type AppOptions = Pick<HttpServerOptions, 'trustedProxies' | 'limits' | 'logger'>

function createApp({ trustedProxies = [], limits: given, logger }: AppOptions): FastifyInstance {
  const limits = { ...HTTP_LIMITS, ...given }
  const trusted = createTrustedProxies(trustedProxies, logger)
  const intake = createIntake({ limits, trusted, logger })
  const answerError = createErrorAnswer(logger)
  const app = fastify({
    logger: false,
    trustProxy: trustedProxies.length > 0 && trusted.has,
    bodyLimit: BODY_BYTES_MAX,
    http: {
      // Node exchanges it with a request's timeout that is shorter, so both are set.
      headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs),
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: limits.checkingIntervalMs,
      // Refused below, in the form of all refusals.
      requireHostHeader: false,
    },
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    // A request that still came in is served: its answer closes the connection.
    return503OnClosing: false,
    requestIdHeader: false,
    genReqId: ({ headers }) => {
      const given = headers['x-request-id']
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : newRequestId()
    },
    // What no route was found for because its path cannot be read: no hook has seen it.
    frameworkErrors: (error, request, reply) => {
      addCommonHeaders(request, reply)
      answerError(error, request, reply)
    },
    clientErrorHandler: (error, socket) =>
      answerSocketError(error, socket, {
        requestId: newRequestId(),
        response: intake.responseOn(socket),
      }),
  })
  // Only application/json is read: what a form could send from another site is refused with 415.
  app.removeContentTypeParser('text/plain')
  intake.watch(app.server)
  // Refused below; by itself Node answers both, with nothing in it.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  app.server.on('connect', (_request, socket: Socket) =>
    answerSocketError(new Error('CONNECT'), socket, {
      requestId: newRequestId(),
      response: intake.responseOn(socket),
    }),
  )
  addIntake(app, { intake, trusted, limits })
  app.addHook('preClose', takeInWhatIsHere)
  app.setErrorHandler<Error>(answerError)
  app.setNotFoundHandler(() => {
    throw nothingHere()
  })
  return app
}

/**
 * What the kernel has accepted or received, but Node has not read yet: to close the listener resets such connections, and
 * one that was kept alive counts as idle although its next request lies there. One turn ends what the event loop is at, and
 * the next asks for all that has come.
 */
async function takeInWhatIsHere(): Promise<void> {
  await nextTurn()
  await nextTurn()
}

/** Ahead of every route: nothing of a request is looked at before it is counted. */
function addIntake(
  app: FastifyInstance,
  { intake, trusted, limits }: { intake: Intake; trusted: TrustedProxies; limits: HttpLimits },
): void {
  app.addHook('onRequest', (request, reply, done) => {
    cutOffWhenStalled(reply.raw, limits.quietMs)
    addCommonHeaders(request, reply)
    trusted.notice(request.headers, request.socket.remoteAddress)
    const refusal = refusalBy(() => intake.enter(request.raw, reply.raw))
    // Before a body is read, too: it would be for nothing.
    done(refusal ?? unanswerable(request.raw) ?? (request.is404 ? nothingHere() : undefined))
  })
  app.addHook('preParsing', (request, reply, _payload, done) => {
    const { raw, ip: address } = request
    const isCallerKnown = request.caller !== null
    done(refusalBy(() => intake.countBody({ request: raw, response: reply.raw, address, isCallerKnown })))
  })
}

/** What HTTP/1.1 itself forbids to answer. */
function unanswerable({ headers, httpVersion }: IncomingMessage): HttpRefusal | undefined {
  const { host, expect } = headers
  if (host === undefined && httpVersion === '1.1') return new HttpRefusal(400, 'a Host header is required')
  if (expect !== undefined && expect.toLowerCase() !== '100-continue')
    return new HttpRefusal(417, 'the Expect header can only be 100-continue')
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

/** A UUID v7 that need not sort within its millisecond: Node hands out random UUIDs from a pool, at a third of the cost. */
function newRequestId(): string {
  const time = Date.now().toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`
}
