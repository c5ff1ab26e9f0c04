// Connects Apollo's pipeline with our checks: admission before an operation runs, the conclusion of its answer after it.
import type { ApolloServerPlugin, GraphQLRequestContext, GraphQLRequestListener } from '@apollo/server'
import { type DocumentNode, parse } from 'graphql'
import type { Logger } from '../core/logger.ts'
import type { Admission, Source } from './admission.ts'
import type { Conclude } from './answers.ts'
import type { RequestContext } from './request-state.ts'

type Request = GraphQLRequestContext<RequestContext>

/** Replaces a refused document: Apollo needs one before a plugin may refuse. */
const NOTHING: DocumentNode = parse('{ __typename }')

/** The plugin. Its hooks have no state of their own, so that a request allocates no closures. */
export function createApolloPlugin(options: {
  readonly admission: Admission
  readonly conclude: Conclude
  readonly logger: Logger
}): ApolloServerPlugin<RequestContext> {
  const { admission, conclude, logger } = options

  /** Sets the document, so that Apollo does not parse and validate it itself in an unsafe order. */
  function prepare(request: Request): void {
    // Apollo uses an existing document; its types declare the field as read-only for hooks.
    const writable = request as { document?: DocumentNode }
    writable.document = admission.read(sourceOf(request), request.contextValue) ?? NOTHING
  }

  function admit(request: Request): void {
    const { contextValue, operation } = request
    const [refusal] = contextValue.state.refusals ?? []
    if (refusal !== undefined) throw refusal
    // Without an operation, execution answers which operation names exist.
    if (operation === undefined) return
    admission.admit(operation, request.request.variables ?? {}, sourceOf(request), contextValue)
  }

  const listener: GraphQLRequestListener<RequestContext> = {
    didResolveSource: async (request) => prepare(request),
    didResolveOperation: async (request) => admit(request),
    willSendResponse: async ({ contextValue, response: { body, http }, errors }) => {
      if (body.kind !== 'single') return
      const { data, extensions } = body.singleResult
      const status = conclude(contextValue, { data, errors: errors ?? [], extensions, status: http.status })
      if (status !== undefined) http.status = status
    },
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

function sourceOf({ source = '', queryHash = '' }: Request): Source {
  return { text: source, hash: queryHash }
}
