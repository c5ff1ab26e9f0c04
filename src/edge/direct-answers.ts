// Answers compiled operations in the route, without Apollo's pipeline: a hook inside of it would cost 35 to 70 µs an answer. What it does
// not answer, Apollo does, with what was read and admitted here.
import { hash } from 'node:crypto'
import { GraphQLError, type GraphQLSchema } from 'graphql'
import { LRUCache } from 'lru-cache'
import { operationIn } from '../answers/document.ts'
import { compiledOperation } from '../answers/operation.ts'
import { toError } from '../core/errors.ts'
import type { Admission } from './admission.ts'
import type { Conclude } from './answers.ts'
import type { Parameters } from './graphql-parameters.ts'
import type { Variables } from './page-arguments.ts'
import type { RequestContext } from './request-state.ts'

/** Answers a request, and returns the HTTP status; null: Apollo answers it. */
export type DirectAnswers = (
  body: Parameters,
  context: RequestContext & { outcomes?: RequestContext['outcomes'] },
) => Promise<number | null>

/** Clients repeat their documents, and hashing one takes 2 µs. In characters. */
const HASHED_LENGTH_MAX = 1_000_000
const hashes = new LRUCache<string, string>({
  maxSize: HASHED_LENGTH_MAX,
  sizeCalculation: ({ length }, text) => length + text.length,
  memoMethod: (text) => hash('sha256', text, 'hex'),
})

export function createDirectAnswers(options: {
  readonly schema: GraphQLSchema
  readonly admission: Admission
  readonly conclude: Conclude
}): DirectAnswers {
  const { schema, admission, conclude } = options
  return async (body, context) => {
    const {
      query: text,
      operationName,
      variables,
    } = body as {
      readonly query?: unknown
      readonly operationName?: string | null
      readonly variables?: Variables | null
    }
    if (typeof text !== 'string') return null
    const source = { text, hash: hashes.memo(text) }
    const document = admission.read(source, context)
    const operation = document === null ? null : operationIn(document, operationName)
    if (document === null || operation === null) return null
    const compiled = compiledOperation(schema, document, operation)
    if (compiled === null) return null
    const { state } = context
    try {
      admission.admit(operation, variables ?? {}, source, context)
    } catch (error) {
      // Apollo answers the refusal.
      state.refusals ??= [toGraphqlError(error)]
      return null
    }
    if (state.plan === null || state.plan.hasForbidden) return null
    const answer = await compiled.answer(variables ?? {}, context, state.plan.prices)
    if ('outcomes' in answer) {
      if (answer.outcomes !== null) context.outcomes = answer.outcomes
      return null
    }
    return conclude(context, { compiled: answer, errors: answer.errors, status: undefined }) ?? 200
  }
}

function toGraphqlError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error
  const originalError = toError(error)
  return new GraphQLError(originalError.message, { originalError })
}
