// The gate between Apollo's pipeline and the resolvers: the prepared document, permissions, cost and budget before an
// operation runs; the cost's report and masked errors after it. Decides nothing of HTTP but the status.
import {
  type ApolloServerPlugin,
  type GraphQLRequestContext,
  type GraphQLRequestListener,
  HeaderMap,
} from '@apollo/server'
import {
  type DocumentNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  parse,
} from 'graphql'
import { requirePermission } from '../commands/permissions.ts'
import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { actualCost, type CostBudget } from './cost-budget.ts'
import { factsOf } from './document-facts.ts'
import type { Documents } from './documents.ts'
import { type ErrorMask, type MaskedError, retryAfterSecondsOf, STATUS_OF } from './mask-errors.ts'
import type { RequestContext, RequestState } from './request-state.ts'

/** Points that one operation may cost. */
const COST_MAX = 10_000

type Request = GraphQLRequestContext<RequestContext>

/** Stands in for a document that was refused: Apollo asks for one before it lets a plugin object. */
const NOTHING: DocumentNode = parse('{ __typename }')

/** The plugin. Its hooks keep nothing of their own, so that a request costs no closures. */
export function createOperationGate(options: {
  documents: Documents
  budget: CostBudget
  mask: ErrorMask
  logger: Logger
}): ApolloServerPlugin<RequestContext> {
  const { documents, budget, mask, logger } = options

  /** Sets the document before Apollo would parse and validate one itself, in the order that is not safe. */
  function prepare(request: Request): void {
    const prepared = documents.prepare(request.source ?? '', request.queryHash ?? '')
    const isDocument = 'kind' in prepared
    if (!isDocument) request.contextValue.state.refusals = prepared
    // Apollo takes a document that is already there; its types have hooks only read.
    const writable = request as { document?: DocumentNode }
    writable.document = isDocument ? prepared : NOTHING
  }

  function admit(request: Request): void {
    const { contextValue, operation, document } = request
    const { state, caller } = contextValue
    const [refusal] = state.refusals ?? []
    if (refusal !== undefined) throw refusal
    // Without an operation, execution will say which names there are to choose from.
    if (operation === undefined || document === undefined) return
    state.operation = operation.name?.value ?? null
    if (state.isGet) requireQuery(operation)
    if (caller.actor.kind === 'INVITED') requireAcceptance(operation)
    const facts = factsOf(request.schema, document, operation)
    for (const permission of facts.permissions) requirePermission(caller.permissions, permission)
    const cost = facts.cost(request.request.variables ?? {})
    if (cost > COST_MAX) {
      throw new AppError('QUERY_TOO_COMPLEX', `the operation costs ${cost} points; at most ${COST_MAX}`, {
        cost,
        max: COST_MAX,
      })
    }
    budget.spend(caller.scope.tenantId, cost)
    state.requestedPoints = cost
    state.prices = facts.prices
  }

  function conclude(request: Request): void {
    const { state, caller, extensions } = request.contextValue
    const { body, http } = request.response
    if (body?.kind !== 'single') return
    const result = body.singleResult
    const errors: readonly GraphQLError[] = state.refusals ?? request.errors ?? []
    if (errors.length > 0) {
      const masked = mask(errors, caller.requestId)
      result.errors = masked
      const status = statusOf(errors, masked, result.data, http.status)
      if (status !== undefined) http.status = status
      noteOutcome(state, masked)
    }
    if (state.prices !== null) {
      const { tenantId } = caller.scope
      const actual = actualCost(result.data, state.prices, state.requestedPoints)
      budget.refund(tenantId, state.requestedPoints - actual)
      extensions.cost = budget.report(tenantId, state.requestedPoints, actual)
    }
    if (Object.keys(extensions).length > 0) result.extensions = { ...result.extensions, ...extensions }
    state.isAnswered = true
  }

  const listener: GraphQLRequestListener<RequestContext> = {
    didResolveSource: async (request) => prepare(request),
    didResolveOperation: async (request) => admit(request),
    willSendResponse: async (request) => conclude(request),
  }

  return {
    requestDidStart: async () => listener,
    async invalidRequestWasReceived({ error }) {
      logger.error({ err: error }, 'Apollo refused parameters that had been checked')
    },
    async unexpectedErrorProcessingRequest({ requestContext, error }) {
      const { requestId } = requestContext.contextValue.caller
      logger.error({ err: error, requestId }, 'the pipeline itself failed')
    },
  }
}

/** Somebody who was invited may accept; to everything else they are who they were: not a member. */
function requireAcceptance({ selectionSet }: OperationDefinitionNode): void {
  const accepts = selectionSet.selections.every(
    (selection) => selection.kind === Kind.FIELD && selection.name.value === 'invitationAccept',
  )
  if (!accepts)
    throw new AppError('FORBIDDEN', 'You are not a member of this tenant: accept your invitation.')
}

function requireQuery({ operation }: OperationDefinitionNode): void {
  if (operation === OperationTypeNode.QUERY) return
  throw new GraphQLError(`GET is for queries only: send a ${operation} by POST`, {
    extensions: {
      code: 'BAD_USER_INPUT',
      http: { status: 405, headers: new HeaderMap([['allow', 'POST']]) },
    },
  })
}

/** What the route tells in a header, the metrics and the log. */
export function noteOutcome(state: RequestState, errors: readonly MaskedError[]): void {
  const first = errors[0]?.extensions
  state.code = first?.code ?? null
  state.retryAfterSeconds = retryAfterSecondsOf(errors) ?? state.retryAfterSeconds
}

/**
 * Of an answer that never ran: what its first error says. Of one that ran: 503 when an outage left nothing in it, since
 * a client that only looks at the status must know to come again; else what Apollo chose.
 */
function statusOf(
  errors: readonly GraphQLError[],
  masked: readonly MaskedError[],
  data: unknown,
  chosen: number | undefined,
): number | undefined {
  if (data === undefined) {
    const http = errors[0]?.extensions.http
    return http === undefined ? STATUS_OF[masked[0]?.extensions.code ?? 'INTERNAL'] : chosen
  }
  const isOutage = masked.some(({ extensions }) => extensions.code === 'SERVICE_UNAVAILABLE')
  return isOutage && holdsNothing(data) ? STATUS_OF.SERVICE_UNAVAILABLE : chosen
}

function holdsNothing(data: unknown): boolean {
  return typeof data !== 'object' || data === null || Object.values(data).every((value) => value === null)
}
