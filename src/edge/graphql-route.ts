// POST and GET /graphql: authenticates before the body is read, passes the operation to Apollo, answers, and counts.
// apollo-plugin.ts admits or refuses the operation.
import { ApolloServer, type ApolloServerPlugin, HeaderMap } from '@apollo/server'
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { GraphQLSchema } from 'graphql'
import { type Authenticator, credentialsOf } from '../auth/authenticate.ts'
import type { CommandContext } from '../auth/command-context.ts'
import { ANSWER_BYTES_MAX } from '../core/budget-defaults.ts'
import type { Clock } from '../core/clock.ts'
import { toError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Database, TenantClient } from '../db/database.ts'
import type { Services } from '../graphql/context.ts'
import { viewOf } from '../graphql/visibility.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { createAdmission } from './admission.ts'
import { CHALLENGE, closeAfterLargeBody } from './answer-error.ts'
import { createAnswers, noteOutcome, payRefusal } from './answers.ts'
import { createApolloPlugin } from './apollo-plugin.ts'
import { createCompressor } from './compression.ts'
import { type Account, type BudgetOptions, createCostBudget, requirePoints } from './cost-budget.ts'
import { createDirectAnswers } from './direct-answers.ts'
import { createDocuments } from './documents.ts'
import { type Parameters, parametersOfBody, parametersOfQueryString } from './graphql-parameters.ts'
import { HttpRefusal, refusalOf } from './http-refusal.ts'
import { pointsOfInput } from './input-size.ts'
import { createKnownDocuments, PersistedQueryNotFound } from './known-documents.ts'
import { createErrorMask, INTERNAL_MESSAGE, STATUS_OF } from './mask-errors.ts'
import { answerType, JSON_TYPE } from './media-type.ts'
import { rateLimitHeaders } from './rate-limit-headers.ts'
import { newRequestState, type RequestContext, type RequestState } from './request-state.ts'
import { NO_TRUSTED_DOCUMENTS, type TrustedDocuments } from './trusted-documents.ts'
import { createUnsentAnswers } from './unsent-answers.ts'

declare module 'fastify' {
  interface FastifyRequest {
    caller: CommandContext | null
    /** The budget that pays; null until the caller is authenticated. */
    account: Account | null
    /** `performance.now()` when the request's headers were read. */
    startedAtMs: number
    /** The points of its parameters; 0 until they are read. */
    inputPoints: number
  }
}

export type GraphqlOptions = {
  readonly schema: GraphQLSchema
  readonly database: Database
  readonly authenticator: Authenticator
  readonly services: Services
  readonly metrics: Metrics
  readonly logger: Logger
  readonly clock: Clock
  readonly introspection: boolean
  /** In production, errors must not suggest names of the schema. */
  readonly hideSuggestions: boolean
  readonly budget?: Partial<BudgetOptions>
  /** The maximum size of an answer. */
  readonly answerBytesMax?: number
  /** Documents that every tenant may name by an id. Default: none. */
  readonly trusted?: TrustedDocuments
  readonly isDraining: () => boolean
  /** Whether operations are compiled where they can be; false: graphql-js runs all of them. Default: true. */
  readonly compiles?: boolean
}

const PATH = '/graphql'
/** Apollo gets no headers: what it would read from them is decided here. */
const NO_HEADERS = new HeaderMap()

/** The resolvers' context. The tenant's handle is made when a resolver needs it: compiled reads do without. */
class LazyContext implements RequestContext {
  readonly caller: CommandContext
  readonly services: Services
  readonly state: RequestState
  readonly extensions: Record<string, unknown> = {}
  readonly open: () => TenantClient
  outcomes?: NonNullable<RequestContext['outcomes']>

  constructor(caller: CommandContext, services: Services, state: RequestState, open: () => TenantClient) {
    this.caller = caller
    this.services = services
    this.state = state
    this.open = open
  }

  get db(): TenantClient {
    return this.open()
  }
}

/** Adds the route. Apollo starts with the server, and is stopped after the last answer. */
export function addGraphqlRoute(app: FastifyInstance, options: GraphqlOptions): void {
  const { database, authenticator, services, clock, isDraining } = options
  const { answerBytesMax = ANSWER_BYTES_MAX, trusted = NO_TRUSTED_DOCUMENTS, compiles = true } = options
  const mask = createErrorMask(options)
  const budget = createCostBudget({ clock, ...options.budget })
  const known = createKnownDocuments()
  const unsent = createUnsentAnswers(answerBytesMax)
  const compressor = createCompressor()
  const admission = createAdmission({ ...options, documents: createDocuments(options), known, trusted })
  const conclude = createAnswers({ mask, unsent, answerBytesMax, clock })
  const apollo = createApollo(options, createApolloPlugin({ ...options, admission, conclude }))
  const direct = compiles ? createDirectAnswers({ ...options, admission, conclude }) : null
  app.addHook('onReady', () => apollo.start())
  app.addHook('onClose', () => apollo.stop())
  app.decorateRequest('caller', null)
  app.decorateRequest('account', null)
  app.decorateRequest('startedAtMs', 0)
  app.decorateRequest('inputPoints', 0)

  /** A callback rather than a promise, which would cost time on every request. */
  function onRequest(request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void {
    request.startedAtMs = performance.now()
    try {
      const caller = authenticator.authenticate(credentialsOf(request), request.id)
      if (caller instanceof Promise) {
        caller.then((settled) => enter(request, settled)).then(() => done(), done)
        return
      }
      enter(request, caller)
    } catch (error) {
      done(toError(error))
      return
    }
    done()
  }

  function enter(request: FastifyRequest, caller: CommandContext): void {
    request.caller = caller
    request.account = budget.accountOf(caller)
  }

  /** Looking up a persisted query costs points, as sending the document would. */
  function resolve(
    { account }: FastifyRequest,
    { scope }: CommandContext,
    parameters: Parameters,
  ): Parameters {
    try {
      return known.resolve(scope.tenantId, trusted.resolve(parameters))
    } catch (error) {
      if (error instanceof PersistedQueryNotFound && account !== null) requirePoints(account)
      throw error
    }
  }

  async function handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { caller, method } = request
    if (caller === null) throw new Error('a request without a caller reached the pipeline')
    const isGet = method === 'GET'
    const type = answerType(request.headers.accept)
    if (type === null) throw notAcceptable()
    const given = isGet ? parametersOfQueryString(request.query) : parametersOfBody(request.body)
    request.inputPoints = pointsOfInput(given.size)
    const body = resolve(request, caller, given.parameters)
    const state = newRequestState(isGet, request.account, reply.raw, request.inputPoints)
    const open = () => database.forTenant(caller.scope, viewOf(caller.permissions))
    const context = new LazyContext(caller, services, state, open)
    const status = (await direct?.(body, context)) ?? (await byApollo(body, context, reply))
    if (state.text === null) throw new Error('the pipeline ended without an answer')
    const packed = compressor.compress(state.text, request.headers['accept-encoding'], reply)
    if (packed === null) return answer(reply, state, status, type, state.text)
    const bytes = await packed
    unsent.shrink(reply.raw, bytes.length)
    return answer(reply, state, status, type, bytes)
  }

  /** Returns the status. */
  async function byApollo(body: Parameters, context: RequestContext, reply: FastifyReply): Promise<number> {
    const response = await apollo.executeHTTPGraphQLRequest({
      // GET's parameters were read before; the admission refuses mutations by GET.
      httpGraphQLRequest: { method: 'POST', headers: NO_HEADERS, search: '', body },
      context: async () => context,
    })
    for (const [name, value] of response.headers) reply.header(name, value)
    return response.status ?? 200
  }

  function answer(
    reply: FastifyReply,
    state: RequestState,
    status: number,
    type: string,
    content: string | Buffer,
  ): FastifyReply {
    reply.code(status).header('content-type', type).header('cache-control', 'no-store')
    if (state.retryAfterSeconds !== null) reply.header('retry-after', String(state.retryAfterSeconds))
    if (state.account !== null) reply.headers(rateLimitHeaders(state.account))
    if (isDraining()) reply.header('connection', 'close')
    reply.send(content)
    record(options, reply.request, state)
    return reply
  }

  /** Answers errors from outside the pipeline: authentication, the body, the parameters, and faults of the pipeline. */
  function answerError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): void {
    const refusal = refusalOf(error)
    const errors = mask([refusal ?? error], request.id)
    const state = newRequestState(request.method === 'GET', request.account, reply.raw, request.inputPoints)
    noteOutcome(state, errors)
    const code = errors[0]?.extensions.code ?? 'INTERNAL'
    // An unknown persisted query is no mistake of the client, so it does not count towards its refusals.
    payRefusal(state, code, !(error instanceof PersistedQueryNotFound))
    const status = refusal === null ? STATUS_OF[code] : refusal.status
    if (status === 401) reply.header('www-authenticate', CHALLENGE)
    closeAfterLargeBody(request, reply)
    const type = answerType(request.headers.accept) ?? JSON_TYPE
    answer(reply, state, status, type, JSON.stringify({ errors }))
  }

  app.route({
    method: ['GET', 'POST'],
    url: PATH,
    config: { crossOrigin: true },
    exposeHeadRoute: false,
    onRequest,
    handler: handle,
    errorHandler: answerError,
  })
  app.route({
    method: ['DELETE', 'OPTIONS', 'PATCH', 'PUT'],
    url: PATH,
    config: { crossOrigin: true },
    // Before a body is read.
    onRequest: (_request, reply, done) => {
      reply.header('allow', 'GET, POST')
      done(new HttpRefusal(405, 'use GET or POST'))
    },
    handler: () => {},
  })
}

function createApollo(
  { schema, introspection, logger }: GraphqlOptions,
  gate: ApolloServerPlugin<RequestContext>,
): ApolloServer<RequestContext> {
  return new ApolloServer<RequestContext>({
    schema,
    introspection,
    logger,
    // The plugin prepares and caches documents; Apollo's own store would cost a promise per request.
    documentStore: null,
    // Apollo has one store for all tenants; known-documents.ts separates them.
    persistedQueries: false,
    // No authentication uses cookies: a forged request has no Authorization header and is anonymous.
    csrfPrevention: false,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    nodeEnv: 'production',
    // The plugin puts the answer's text into the request's state.
    stringifyResult: () => '',
    // The plugin writes the errors, with the request id. This is the fallback.
    formatError: () => ({ message: INTERNAL_MESSAGE, extensions: { code: 'INTERNAL' } }),
    plugins: [
      // It would wrap every field: 11% of the CPU.
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      gate,
    ],
  })
}

function record({ metrics, logger }: GraphqlOptions, request: FastifyRequest, state: RequestState): void {
  const durationMs = performance.now() - request.startedAtMs
  const { operation } = state
  const code = state.code ?? 'OK'
  metrics.observeRequest({ operation, code, durationMs })
  if (!logger.isLevelEnabled('info')) return
  const tenant = request.caller?.tenantSlug
  logger.info({ tenant, operation, requestId: request.id, durationMs: round(durationMs), code }, 'request')
}

function round(durationMs: number): number {
  return Math.round(durationMs * 100) / 100
}

function notAcceptable(): HttpRefusal {
  return new HttpRefusal(406, 'answers are application/graphql-response+json or application/json')
}
