// Reads and admits an operation: its document, its permissions, its cost and the caller's budget. The same for operations that are
// compiled and for those that Apollo runs. Decides nothing of HTTP but the status.
import { HeaderMap } from '@apollo/server'
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
} from 'graphql'
import { missingError, type Permission } from '../auth/permissions.ts'
import { AppError } from '../core/errors.ts'
import { unstorableIn } from '../core/text.ts'
import { factsOf } from './cost-analysis.ts'
import { type Account, charge, requirePoints, spend } from './cost-budget.ts'
import type { Documents } from './documents.ts'
import type { KnownDocuments } from './known-documents.ts'
import type { Variables } from './page-arguments.ts'
import type { RequestContext } from './request-state.ts'
import type { TrustedDocuments } from './trusted-documents.ts'

/** The maximum cost of an operation, in points. */
const COST_MAX = 10_000

/** A document's text, and its SHA-256 in hex. */
export type Source = { readonly text: string; readonly hash: string }

export type Admission = {
  /** Reads the document once per request. Null: it may not run, and the state has the reasons. */
  read(source: Source, context: RequestContext): DocumentNode | null
  /**
   * Admits an operation of it once per request: takes the points, and sets the plan of the request's state. Throws the refusal, or one
   * of several, all of which are in the state.
   */
  admit(
    operation: OperationDefinitionNode,
    variables: Variables,
    source: Source,
    context: RequestContext,
  ): void
}

export function createAdmission(options: {
  readonly schema: GraphQLSchema
  readonly documents: Documents
  readonly known: KnownDocuments
  readonly trusted: TrustedDocuments
}): Admission {
  const { schema, documents, known, trusted } = options

  function prepare({ text, hash }: Source, { caller, state }: RequestContext): DocumentNode | null {
    const account = accountOf(state)
    // Looked up per tenant, never in the shared cache, so that no tenant can find out what others ask.
    const isTrusted = trusted.has(hash)
    const isKnown = isTrusted || known.has(caller.scope.tenantId, hash)
    try {
      if (trusted.only && !isTrusted) throw notTrusted()
      if (!isKnown) requirePoints(account)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      state.refusals = [new GraphQLError(error.message, { originalError: error })]
      return null
    }
    const { document, errors, points, isRead } = documents.prepare(text, hash)
    if (!isKnown || (isRead && !isTrusted)) {
      state.readingPoints = points
      charge(account, points)
    }
    if (document === null) state.refusals = errors
    return document
  }

  return {
    read(source, context) {
      const { state } = context
      if (state.document === null && state.refusals === null) state.document = prepare(source, context)
      return state.document
    },
    admit(operation, variables, { text, hash }, { state, caller }) {
      const [refusal] = state.refusals ?? []
      if (refusal !== undefined) throw refusal
      if (state.plan !== null || state.document === null) return
      state.operation = operation.name?.value ?? null
      state.isMutation = operation.operation === OperationTypeNode.MUTATION
      requireNoSubscription(operation)
      if (state.isGet) requireQuery(operation)
      if (operation.operation !== OperationTypeNode.MUTATION) requireStorable(variables)
      if (caller.actor.kind === 'INVITED') requireAcceptance(operation)
      const { tenantId } = caller.scope
      const plan = factsOf(schema, state.document, operation).plan(variables, caller.permissions)
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
      if (state.readingPoints > 0) known.add(tenantId, hash, text)
      spend(account, cost)
      state.requestedPoints = cost
      state.plan = plan
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
