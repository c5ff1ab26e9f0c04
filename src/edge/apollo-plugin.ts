// The gate between Apollo's pipeline and the resolvers: the prepared document, permissions, cost and budget before an
// operation runs; its price and masked errors after it. Decides nothing of HTTP but the status.
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
import { requirePermission } from '../auth/permissions.ts'
import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { unstorableIn } from '../core/text.ts'
import { type AnswerOptions, createAnswers } from './answers.ts'
import { costOf } from './cost-analysis.ts'
import { type Account, charge, requirePoints, spend } from './cost-budget.ts'
import type { Documents } from './documents.ts'
import type { KnownDocuments } from './known-documents.ts'
import type { RequestContext } from './request-state.ts'

/** Points that one operation may cost. */
const COST_MAX = 10_000

export type ApolloPluginOptions = AnswerOptions & {
  readonly documents: Documents
  readonly known: KnownDocuments
  readonly logger: Logger
}

type Request = GraphQLRequestContext<RequestContext>

/** Stands in for a document that was refused: Apollo asks for one before it lets a plugin object. */
const NOTHING: DocumentNode = parse('{ __typename }')

/** The plugin. Its hooks keep nothing of their own, so that a request costs no closures. */
export function createApolloPlugin(options: ApolloPluginOptions): ApolloServerPlugin<RequestContext> {
  const { documents, known, logger } = options
  const conclude = createAnswers(options)

  /** Sets the document before Apollo would parse and validate one itself, in the order that is not safe. */
  function prepare(request: Request): void {
    // Apollo takes a document that is already there; its types have hooks only read.
    const writable = request as { document?: DocumentNode }
    writable.document = read(request) ?? NOTHING
  }

  function read({
    source = '',
    queryHash = '',
    contextValue: { caller, state },
  }: Request): DocumentNode | null {
    const account = accountOf(state)
    // By what the tenant itself has run, never by what is kept for all: nobody learns what others ask.
    const isKnown = known.has(caller.scope.tenantId, queryHash)
    try {
      if (!isKnown) requirePoints(account)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      state.refusals = [new GraphQLError(error.message, { originalError: error })]
      return null
    }
    const { document, errors, points, isRead } = documents.prepare(source, queryHash)
    if (!isKnown || isRead) {
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
    // Without an operation, execution will say which names there are to choose from.
    if (operation === undefined || document === undefined) return
    state.operation = operation.name?.value ?? null
    state.isMutation = operation.operation === OperationTypeNode.MUTATION
    if (state.isGet) requireQuery(operation)
    if (operation.operation !== OperationTypeNode.MUTATION) requireStorable(request.request.variables)
    if (caller.actor.kind === 'INVITED') requireAcceptance(operation)
    const { tenantId } = caller.scope
    const facts = costOf(request.schema, document, operation)
    for (const permission of facts.permissions) requirePermission(caller.permissions, permission)
    const variables = request.request.variables ?? {}
    state.inputUses = facts.inputUses
    const cost = facts.cost(variables) + state.inputPoints * state.inputUses
    const account = accountOf(state)
    // Where a budget is set smaller than that, nobody could ever save up for more.
    const max = Math.min(COST_MAX, account.caller.capacity)
    if (cost > max) {
      throw new AppError('QUERY_TOO_COMPLEX', `the operation costs ${cost} points; at most ${max}`, {
        cost,
        max,
      })
    }
    facts.checkCursors(variables, tenantId)
    // Known from now on, though there be no points for it: who comes again when there are does not pay for reading twice.
    if (state.readingPoints > 0) known.add(tenantId, request.queryHash ?? '', request.source ?? '')
    spend(account, cost)
    state.requestedPoints = cost
    state.prices = facts.prices
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

function accountOf({ account }: { readonly account: Account | null }): Account {
  if (account === null) throw new Error('a request came past authentication')
  return account
}

/** Somebody who was invited may accept; to everything else they are who they were: not a member. */
function requireAcceptance({ selectionSet }: OperationDefinitionNode): void {
  const accepts = selectionSet.selections.every(
    (selection) => selection.kind === Kind.FIELD && selection.name.value === 'invitationAccept',
  )
  if (!accepts)
    throw new AppError('FORBIDDEN', 'You are not a member of this tenant: accept your invitation.')
}

/**
 * What is asked for is compared with what is stored: a text that cannot be stored would be compared as another one. A
 * mutation's input is held to the same by its use case, each text at its field; the literals of a document by its grammar
 * and the database.
 */
function requireStorable(variables: unknown): void {
  const [found] = unstorableIn(variables)
  if (found !== undefined)
    throw new AppError('BAD_USER_INPUT', `the variable ${found[0]} holds a character that cannot be stored`)
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
