// What one request carries through Apollo's pipeline beside the resolvers' context, and brings back to the route.
import type { GraphQLError } from 'graphql'
import type { Context } from '../graphql/context.ts'
import type { PublicCode } from './mask-errors.ts'

export type RequestState = {
  readonly isGet: boolean
  /** Why the document may not run. */
  refusals: readonly GraphQLError[] | null
  /** The operation's name in a valid document; null when it has none. */
  operation: string | null
  prices: ReadonlyMap<string, number> | null
  /** Points spent before the operation ran. */
  requestedPoints: number
  /** The first error's code; null for an answer without errors. */
  code: PublicCode | null
  retryAfterSeconds: number | null
  /** Whether the pipeline came to its end. */
  isAnswered: boolean
}

/** Apollo copies the context, but not what is in it: the state stays the route's own. */
export type RequestContext = Context & { readonly state: RequestState }

export function newRequestState(isGet: boolean): RequestState {
  return {
    isGet,
    refusals: null,
    operation: null,
    prices: null,
    requestedPoints: 0,
    code: null,
    retryAfterSeconds: null,
    isAnswered: false,
  }
}
