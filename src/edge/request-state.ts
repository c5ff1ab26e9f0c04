// What one request carries through Apollo's pipeline beside the resolvers' context, and brings back to the route.
import type { ServerResponse } from 'node:http'
import type { GraphQLError } from 'graphql'
import type { Context } from '../graphql/context.ts'
import type { Account } from './cost-budget.ts'
import type { PublicCode } from './mask-errors.ts'

export type RequestState = {
  readonly isGet: boolean
  /** Who pays; null: nobody who is known. */
  readonly account: Account | null
  /** By which the answer will leave. */
  readonly response: ServerResponse
  /** Why the document may not run. */
  refusals: readonly GraphQLError[] | null
  /** The operation's name in a valid document; null when it has none. */
  operation: string | null
  isMutation: boolean
  /** Set when the operation was admitted. */
  prices: ReadonlyMap<string, number> | null
  /** Points spent before the operation ran. */
  requestedPoints: number
  /** Points that it cost in the end. */
  actualPoints: number
  /** What the request's input costs for each use of it; once when it is refused. */
  readonly inputPoints: number
  inputUses: number
  /** Points spent on reading the document; 0: it was known. */
  readingPoints: number
  /** The first error's code; null for an answer without errors. */
  code: PublicCode | null
  retryAfterSeconds: number | null
  /** The answer's JSON; null until the pipeline came to its end. */
  text: string | null
}

/** Apollo copies the context, but not what is in it: the state stays the route's own. */
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
    prices: null,
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
