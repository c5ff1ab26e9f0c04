// Documents: parsed under a token limit, held to the limits of shape, then validated, and kept for the next request.
// Owns the order of these, since validation is only safe on a document of bounded shape. Prices nothing.
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  parse,
  specifiedRules,
  type ValidationRule,
  validate,
} from 'graphql'
import { AppError } from '../core/errors.ts'
import { createRecentMap } from './recent-map.ts'
import { checkSyntaxLimits, TOKENS_MAX } from './syntax-limits.ts'

const VALIDATION_ERRORS_MAX = 20
/** Kept documents are bounded by their tokens, since a node of the tree takes some 300 bytes: about 60 MB at worst. */
const TOKENS_KEPT_MAX = 200_000

export type Documents = {
  /**
   * The valid document of a source; `hash` is the source's own. Never throws: answers the errors, with a code, when it
   * is no document that may run.
   */
  prepare(source: string, hash: string): DocumentNode | readonly GraphQLError[]
}

export function createDocuments(options: {
  schema: GraphQLSchema
  introspection: boolean
  hideSuggestions: boolean
}): Documents {
  const { schema, introspection, hideSuggestions } = options
  const rules: ValidationRule[] = [...specifiedRules]
  if (!introspection) rules.push(NoSchemaIntrospectionCustomRule)
  const kept = createRecentMap<DocumentNode>(TOKENS_KEPT_MAX)

  function read(source: string): DocumentNode | readonly GraphQLError[] {
    const document = parseBounded(source)
    if (document instanceof GraphQLError) return [document]
    try {
      checkSyntaxLimits(document)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      return [new GraphQLError(error.message, { originalError: error })]
    }
    const errors = validate(schema, document, rules, { maxErrors: VALIDATION_ERRORS_MAX, hideSuggestions })
    return errors.length === 0 ? document : errors.map(asClientMistake)
  }

  return {
    prepare(source, hash) {
      const known = kept.get(hash)
      if (known !== undefined) return known
      const document = read(source)
      if ('kind' in document) kept.set(hash, document, tokensOf(document))
      return document
    },
  }
}

function parseBounded(source: string): DocumentNode | GraphQLError {
  try {
    return parse(source, { maxTokens: TOKENS_MAX })
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error
    if (!error.message.includes(`more that ${TOKENS_MAX} tokens`)) return asClientMistake(error)
    const refusal = new AppError('QUERY_TOO_COMPLEX', `the document has over ${TOKENS_MAX} tokens`, {
      max: TOKENS_MAX,
    })
    return new GraphQLError(refusal.message, { originalError: refusal })
  }
}

function asClientMistake({ message, nodes, source, positions }: GraphQLError): GraphQLError {
  const extensions = { code: 'BAD_USER_INPUT' }
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    extensions,
  })
}

function tokensOf(document: DocumentNode): number {
  let count = 0
  for (let token = document.loc?.startToken; token != null; token = token.next ?? undefined) count += 1
  return count
}
