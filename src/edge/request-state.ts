// The state of one request through Apollo's pipeline, beside the resolvers' context.
import type { ServerResponse } from 'node:http'
import type { DocumentNode, GraphQLError } from 'graphql'
import type { Context } from '../graphql/context.ts'
import type { Plan } from './cost-analysis.ts'
import type { Account } from './cost-budget.ts'
import type { PublicCode } from './mask-errors.ts'

export type RequestState = {
  readonly isGet: boolean
  /** The budget that pays; null: not authenticated. */
  readonly account: Account | null
  /** The response that will carry the answer. */
  readonly response: ServerResponse
  /** Why the document may not run. */
  refusals: readonly GraphQLError[] | null
  /** The operation's name in a valid document; null when it has none. */
  operation: string | null
  isMutation: boolean
  /** The document as it was read; null: it was not, or may not run. */
  document: DocumentNode | null
  /** The operation's plan of cost and permissions; null: it is not admitted. */
  plan: Plan | null
  /** Points spent before the operation ran. */
  requestedPoints: number
  /** The operation's actual points. */
  actualPoints: number
  /** The points of the request's input per use; charged once when it is refused. */
  readonly inputPoints: number
  inputUses: number
  /** Points for reading the document; 0: it was cached. */
  readingPoints: number
  /** The first error's code, or that of a fault of the server; null for an answer without errors. */
  code: PublicCode | null
  retryAfterSeconds: number | null
  /** The answer's JSON; null until the pipeline has ended. */
  text: string | null
}

/** Apollo copies the context, but not its values: the route's state object stays the same. */
export type RequestContext = Context & { readonly state: RequestState }

export function newRequestState(
  isGet: boolean,
  account: Account | null,
  response: ServerResponse,
  inputPoints: number,
): RequestState {
  return {
    isGet,
    account,
    response,
    refusals: null,
    operation: null,
    isMutation: false,
    document: null,
    plan: null,
    requestedPoints: 0,
    actualPoints: 0,
    inputPoints,
    inputUses: 1,
    readingPoints: 0,
    code: null,
    retryAfterSeconds: null,
    text: null,
  }
}
