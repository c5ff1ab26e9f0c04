// Parses documents under a token limit, checks the limits of their shape, validates and caches them. The order matters,
// since validation is safe only for a document of bounded shape.
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
import { LRUCache } from 'lru-cache'
import { AppError } from '../core/errors.ts'
import { checkSyntaxLimits, TOKENS_MAX } from './syntax-limits.ts'

const VALIDATION_ERRORS_MAX = 20
/** Cached documents are bounded by tokens, since a node takes about 300 bytes: about 60 MB at most. */
const TOKENS_KEPT_MAX = 200_000

/**
 * The cost of reading a document, in points of about 5 µs: half a millisecond for any, and 10 µs per token, which
 * validation takes in the worst case to compare fields. Comments are read, too.
 */
const DOCUMENT_POINTS = 100
const TOKEN_POINTS = 2
const LETTERS_PER_POINT = 1_000

export type Prepared = {
  /** Null: it may not run. */
  readonly document: DocumentNode | null
  /** Why it may not run, each with a code. */
  readonly errors: readonly GraphQLError[]
  /** The points for reading it. */
  readonly points: number
  /** False: it came from the cache. */
  readonly isRead: boolean
}

export type Documents = {
  /** Reads a document; `hash` is that of the source. Never throws. */
  prepare(source: string, hash: string): Prepared
}

export function createDocuments(options: {
  schema: GraphQLSchema
  introspection: boolean
  hideSuggestions: boolean
}): Documents {
  const { schema, introspection, hideSuggestions } = options
  const rules: ValidationRule[] = [...specifiedRules]
  if (!introspection) rules.push(NoSchemaIntrospectionCustomRule)
  const kept = new LRUCache<string, Prepared>({ maxSize: TOKENS_KEPT_MAX })

  function check(document: DocumentNode): readonly GraphQLError[] {
    try {
      checkSyntaxLimits(document)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      return [new GraphQLError(error.message, { originalError: error })]
    }
    const errors = validate(schema, document, rules, { maxErrors: VALIDATION_ERRORS_MAX, hideSuggestions })
    return errors.map(asClientMistake)
  }

  return {
    prepare(source, hash) {
      const known = kept.get(hash)
      if (known !== undefined) return known
      const document = parseBounded(source)
      if (document instanceof GraphQLError) {
        const points = pointsOfText(tokensBefore(document), source)
        return { document: null, errors: [document], points, isRead: true }
      }
      const tokens = tokensOf(document)
      const points = pointsOfText(tokens, source)
      const errors = check(document)
      if (errors.length > 0) return { document: null, errors, points, isRead: true }
      kept.set(hash, { document, errors, points, isRead: false }, { size: tokens })
      return { document, errors, points, isRead: true }
    },
  }
}

function pointsOfText(tokens: number, source: string): number {
  return DOCUMENT_POINTS + tokens * TOKEN_POINTS + Math.floor(source.length / LETTERS_PER_POINT)
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

/** The maximum number of tokens before a syntax error: each has at least one character. */
function tokensBefore({ positions }: GraphQLError): number {
  return Math.min(TOKENS_MAX, 1 + (positions?.[0] ?? TOKENS_MAX))
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
