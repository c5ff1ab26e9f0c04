// Compiles an operation of a validated document once, and answers it for each request: the statements to send, and the JSON of
// their rows. What cannot be compiled is left to graphql-js. A plan holds no tenant's data.
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLObjectType,
  type GraphQLSchema,
  getVariableValues,
  locatedError,
  type OperationDefinitionNode,
  OperationTypeNode,
} from 'graphql'
import type { Context, MutationOutcome } from '../graphql/context.ts'
import {
  type Asked,
  type AskedField,
  decidingVariables,
  fieldsOf,
  fragmentsOf,
  type Variables,
} from './document.ts'
import { keepPlans } from './kept.ts'
import { compileMutationField, type RunMutation } from './mutation-field.ts'
import { type AnswerField, compileReadField, type Value } from './read-field.ts'
import type { Compiling } from './rows.ts'
import { Uncompiled, Unwritable } from './uncompiled.ts'
import { headOf, jsonOf, priceOf } from './values.ts'
import { LEAF_UNITS, type Prices } from './weight.ts'

/** The data of an answer as JSON. */
export type Answer = {
  readonly json: string
  /** Its weight, without its bytes (weight.ts). */
  readonly units: number
  readonly errors: readonly GraphQLError[]
  /** Whether all of its fields are null. */
  readonly isEmpty: boolean
}

/** Left to graphql-js. `outcomes`: the mutations that it must not run again. */
export type Left = { readonly outcomes: ReadonlyMap<string, MutationOutcome> | null }

export type CompiledOperation = {
  /**
   * Answers a request of a caller who may read all fields. `variables`: as they were sent. `prices`: of the operation's fields, the
   * same for the same deciding variables. Never rejects for a mutation that ran.
   */
  answer(variables: Variables, context: Context, prices: Prices): Promise<Answer | Left>
}

const LEFT: Left = { outcomes: null }

const known = new WeakMap<OperationDefinitionNode, CompiledOperation | null>()

/** Null: the operation is always left to graphql-js. Kept as long as the document is. */
export function compiledOperation(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): CompiledOperation | null {
  const before = known.get(operation)
  if (before !== undefined) return before
  const type = schema.getRootType(operation.operation)
  const isCompiled = type && operation.operation !== OperationTypeNode.SUBSCRIPTION
  const made = isCompiled ? new Operation(schema, document, operation, type) : null
  known.set(operation, made)
  return made
}

/** Why an operation is left to graphql-js; null: it is compiled. `deciding`: the values of its deciding variables. */
export function reasonNotCompiled(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  deciding: Variables = {},
): string | null {
  const type = schema.getRootType(operation.operation)
  if (!type) return 'the schema has no such operations'
  const asked = { schema, fragments: fragmentsOf(document), deciding, fieldCount: 0 }
  const plan = compile(asked, operation, type, new Map())
  return 'reason' in plan ? plan.reason : null
}

type Plan = { readonly units: number; readonly fields: readonly Root[] }
/** The operation is left to graphql-js. */
type NoPlan = { readonly reason: string }

type Root = {
  readonly asked: AskedField
  readonly head: string
  readonly type: GraphQLObjectType
} & (
  | { readonly kind: 'constant'; readonly value: Value }
  | { readonly kind: 'read'; readonly answer: AnswerField }
  | { readonly kind: 'mutation'; readonly run: RunMutation }
)

function compile(
  asked: Asked,
  operation: OperationDefinitionNode,
  type: GraphQLObjectType,
  prices: Prices,
): Plan | NoPlan {
  const isMutation = operation.operation === OperationTypeNode.MUTATION
  try {
    const fields = fieldsOf(asked, type, [operation.selectionSet])
    return {
      units: priceOf(prices, fields),
      fields: fields.map((field, index): Root => {
        const common = { asked: field, head: headOf(field, index), type }
        return { ...common, ...rootOf({ asked, prices }, type, field, isMutation) }
      }),
    }
  } catch (error) {
    // A GraphQLError: null was given for a directive's condition; graphql-js answers in which places.
    if (error instanceof Uncompiled || error instanceof GraphQLError) return { reason: error.message }
    throw error
  }
}

function rootOf(compiling: Compiling, type: GraphQLObjectType, asked: AskedField, isMutation: boolean) {
  if (asked.name === '__typename') {
    const value = { json: jsonOf(type.name), units: LEAF_UNITS, errors: [] }
    return { kind: 'constant' as const, value }
  }
  const field = type.getFields()[asked.name]
  if (field === undefined) throw new Uncompiled('the introspection of the schema')
  return isMutation
    ? { kind: 'mutation' as const, run: compileMutationField(compiling, field, asked) }
    : { kind: 'read' as const, answer: compileReadField(compiling, field, asked) }
}

class Operation implements CompiledOperation {
  readonly #schema: GraphQLSchema
  readonly #operation: OperationDefinitionNode
  readonly #type: GraphQLObjectType
  readonly #fragments: Asked['fragments']
  readonly #deciding: readonly string[]
  /** By the values of its deciding variables. */
  readonly #plans = keepPlans<Plan | NoPlan>()
  /** Whether it is left to graphql-js in every request. */
  #isLeft = false

  constructor(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    type: GraphQLObjectType,
  ) {
    this.#schema = schema
    this.#operation = operation
    this.#type = type
    this.#fragments = fragmentsOf(document)
    const defined = new Set(operation.variableDefinitions?.map(({ variable }) => variable.name.value))
    this.#deciding = decidingVariables(document).filter((name) => defined.has(name))
  }

  async answer(given: Variables, context: Context, prices: Prices): Promise<Answer | Left> {
    if (this.#isLeft) return LEFT
    const variables = this.#coerce(given)
    const plan = variables === null ? null : this.#planFor(variables, prices)
    if (variables === null || plan === null) return LEFT
    return this.#operation.operation === OperationTypeNode.MUTATION
      ? await runMutations(plan, variables, context)
      : await answerQuery(plan, variables, context)
  }

  /** Null: graphql-js answers what is wrong with them. */
  #coerce(given: Variables): Variables | null {
    const { variableDefinitions = [] } = this.#operation
    if (variableDefinitions.length === 0) return {}
    return getVariableValues(this.#schema, variableDefinitions, given, { maxErrors: 1 }).coerced ?? null
  }

  #planFor(variables: Variables, prices: Prices): Plan | null {
    const key = this.#deciding.map((name) => String(variables[name])).join()
    const before = this.#plans.get(key)
    if (before !== undefined) return 'reason' in before ? null : before
    const deciding = Object.fromEntries(this.#deciding.map((name) => [name, variables[name]]))
    const asked = { schema: this.#schema, fragments: this.#fragments, deciding, fieldCount: 0 }
    const plan = compile(asked, this.#operation, this.#type, prices)
    this.#plans.set(key, plan, asked.fieldCount)
    this.#isLeft = 'reason' in plan && this.#deciding.length === 0
    return 'reason' in plan ? null : plan
  }
}

async function answerQuery(
  { fields, units }: Plan,
  variables: Variables,
  context: Context,
): Promise<Answer | Left> {
  const [only] = fields
  try {
    const values =
      fields.length === 1 && only !== undefined
        ? [await fieldValue(only, variables, context)]
        : await Promise.all(fields.map((root) => fieldValue(root, variables, context)))
    return answerOf(fields, values, units)
  } catch (error) {
    if (error instanceof Unwritable) return LEFT
    throw error
  }
}

async function fieldValue(root: Root, variables: Variables, context: Context): Promise<Value> {
  if (root.kind === 'constant') return root.value
  if (root.kind === 'mutation') throw new Error('a mutation in a query')
  try {
    return await root.answer(variables, context)
  } catch (error) {
    if (error instanceof Unwritable) throw error
    return failed(root, error)
  }
}

/** A root field is null when it fails. */
function failed({ asked }: Root, error: unknown): Value {
  return { json: 'null', units: LEAF_UNITS, errors: [{ error, asked, path: [] }] }
}

/** One after another. Once one has run, graphql-js gets its outcome, and does not run it again. */
async function runMutations(
  { fields, units }: Plan,
  variables: Variables,
  context: Context,
): Promise<Answer | Left> {
  const outcomes = new Map<string, MutationOutcome>()
  const values: Value[] = []
  for (const root of fields) {
    if (root.kind === 'read') throw new Error('a query in a mutation')
    if (root.kind === 'constant') {
      values.push(root.value)
      continue
    }
    try {
      const { result, write } = await root.run(variables, context)
      outcomes.set(root.asked.key, { result })
      values.push(await write())
    } catch (error) {
      if (outcomes.has(root.asked.key)) return { outcomes }
      outcomes.set(root.asked.key, { error })
      values.push(failed(root, error))
    }
  }
  return answerOf(fields, values, units)
}

function answerOf(fields: readonly Root[], values: readonly Value[], ownUnits: number): Answer {
  let json = '{'
  let units = ownUnits
  let isEmpty = true
  const errors: GraphQLError[] = []
  for (const [index, { head, asked }] of fields.entries()) {
    const value = values[index] as Value
    json += head + value.json
    units += value.units
    if (value.json !== 'null') isEmpty = false
    for (const { error, asked: within, path } of value.errors)
      errors.push(locatedError(error, within.nodes, [asked.key, ...path]))
  }
  return { json: `${json}}`, units, errors, isEmpty }
}
