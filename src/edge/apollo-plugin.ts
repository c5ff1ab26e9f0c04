// Connects Apollo's pipeline with our checks: the prepared document, cost and budget before an operation
// runs; its price and masked errors after it. Decides nothing of HTTP but the status.
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
import { missingError, type Permission } from '../auth/permissions.ts'
import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { unstorableIn } from '../core/text.ts'
import { type AnswerOptions, createAnswers } from './answers.ts'
import { factsOf } from './cost-analysis.ts'
import { type Account, charge, requirePoints, spend } from './cost-budget.ts'
import type { Documents } from './documents.ts'
import type { KnownDocuments } from './known-documents.ts'
import type { RequestContext } from './request-state.ts'
import type { TrustedDocuments } from './trusted-documents.ts'

/** The maximum cost of an operation, in points. */
const COST_MAX = 10_000

export type ApolloPluginOptions = AnswerOptions & {
  readonly documents: Documents
  readonly known: KnownDocuments
  readonly trusted: TrustedDocuments
  readonly logger: Logger
}

type Request = GraphQLRequestContext<RequestContext>

/** Replaces a refused document: Apollo needs one before a plugin may refuse. */
const NOTHING: DocumentNode = parse('{ __typename }')

/** The plugin. Its hooks have no state of their own, so that a request allocates no closures. */
export function createApolloPlugin(options: ApolloPluginOptions): ApolloServerPlugin<RequestContext> {
  const { documents, known, trusted, logger } = options
  const conclude = createAnswers(options)

  /** Sets the document, so that Apollo does not parse and validate it itself in an unsafe order. */
  function prepare(request: Request): void {
    // Apollo uses an existing document; its types declare the field as read-only for hooks.
    const writable = request as { document?: DocumentNode }
    writable.document = read(request) ?? NOTHING
  }

  function read({
    source = '',
    queryHash = '',
    contextValue: { caller, state },
  }: Request): DocumentNode | null {
    const account = accountOf(state)
    // Looked up per tenant, never in the shared cache, so that no tenant can find out what others ask.
    const isTrusted = trusted.has(queryHash)
    const isKnown = isTrusted || known.has(caller.scope.tenantId, queryHash)
    try {
      if (trusted.only && !isTrusted) throw notTrusted()
      if (!isKnown) requirePoints(account)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      state.refusals = [new GraphQLError(error.message, { originalError: error })]
      return null
    }
    const { document, errors, points, isRead } = documents.prepare(source, queryHash)
    if (!isKnown || (isRead && !isTrusted)) {
      state.readingPoints = points
      charge(account, points)
    }
    if (document === null) state.refusals = errors
    return document
  }

  function admit(request: Request): void {
    const { contextValue, operation, document } = request
    const { state, caller } = contextValue
    const [refusal] = state.refusals ?? []
    if (refusal !== undefined) throw refusal
    // Without an operation, execution answers which operation names exist.
    if (operation === undefined || document === undefined) return
    state.operation = operation.name?.value ?? null
    state.isMutation = operation.operation === OperationTypeNode.MUTATION
    requireNoSubscription(operation)
    if (state.isGet) requireQuery(operation)
    if (operation.operation !== OperationTypeNode.MUTATION) requireStorable(request.request.variables)
    if (caller.actor.kind === 'INVITED') requireAcceptance(operation)
    const { tenantId } = caller.scope
    const facts = factsOf(request.schema, document, operation)
    const plan = facts.plan(request.request.variables ?? {}, caller.permissions)
    if (plan.refusedFor !== null) {
      state.refusals = [...plan.refusedFor].map(([name, permission]) => forbidden(name, permission))
      // Ends the request; the answer has all of them.
      throw state.refusals[0]
    }
    state.inputUses = plan.inputUses
    const cost = plan.cost + state.inputPoints * state.inputUses
    const account = accountOf(state)
    // A smaller budget's capacity is the limit, since nobody could save up more.
    const max = Math.min(COST_MAX, account.caller.capacity)
    if (cost > max) {
      throw new AppError('QUERY_TOO_COMPLEX', `the operation costs ${cost} points; at most ${max}`, {
        cost,
        max,
      })
    }
    plan.checkCursors(tenantId)
    // Known from now on, even if the points do not suffice: a retry does not pay for reading the document again.
    if (state.readingPoints > 0) known.add(tenantId, request.queryHash ?? '', request.source ?? '')
    spend(account, cost)
    state.requestedPoints = cost
    state.prices = plan.prices
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

/** As execution would answer it beside a field that the caller may read. */
function forbidden(name: string, permission: Permission): GraphQLError {
  const originalError = missingError(permission)
  return new GraphQLError(originalError.message, { path: [name], originalError })
}

function notTrusted(): AppError {
  return new AppError('DOCUMENT_NOT_TRUSTED', 'this server runs only the documents of its manifests')
}

function accountOf({ account }: { readonly account: Account | null }): Account {
  if (account === null) throw new Error('a request without a caller reached the pipeline')
  return account
}

/** A caller who was invited may only accept; for all else they are not a member. */
function requireAcceptance({ selectionSet }: OperationDefinitionNode): void {
  const accepts = selectionSet.selections.every(
    (selection) => selection.kind === Kind.FIELD && selection.name.value === 'invitationAccept',
  )
  if (!accepts)
    throw new AppError('FORBIDDEN', 'You are not a member of this tenant: accept your invitation.')
}

/**
 * Refuses variables with characters that PostgreSQL cannot store, since a filter would compare another text. Use cases
 * check a mutation's input field by field; the grammar and the database check a document's literals.
 */
function requireStorable(variables: unknown): void {
  const [found] = unstorableIn(variables)
  if (found !== undefined)
    throw new AppError('BAD_USER_INPUT', `the variable ${found[0]} holds a character that cannot be stored`)
}

/** One answer cannot carry a subscription. */
function requireNoSubscription({ operation }: OperationDefinitionNode): void {
  if (operation === OperationTypeNode.SUBSCRIPTION)
    throw new AppError('BAD_USER_INPUT', 'subscriptions are not answered here')
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
