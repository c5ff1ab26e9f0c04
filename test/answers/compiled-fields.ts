// Which fields are compiled, and which graphql-js alone resolves: found by compiling each field of the schema.
import {
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
  Kind,
  type OperationDefinitionNode,
  parse,
} from 'graphql'
import { reasonNotCompiled } from '../../src/answers/operation.ts'
import type { Field } from '../support/operations.ts'

export type Compiled = {
  /** By field, `Query.node` or `Order.timeline`: why it is not compiled. */
  readonly reasons: ReadonlyMap<string, string>
  /** The object types that compiled fields return. The fields of all others are not looked at. */
  readonly types: ReadonlySet<string>
}

export function compiledFields(schema: GraphQLSchema): Compiled {
  const reasons = new Map<string, string>()
  /** How each type is reached by compiled fields. */
  const paths = new Map<string, readonly string[]>()
  const open: { readonly type: GraphQLObjectType; readonly path: readonly string[] }[] = []
  for (const type of [schema.getQueryType(), schema.getMutationType()])
    if (type) open.push({ type, path: [] })
  for (const { type, path } of open) {
    const kind = path.length > 0 ? null : type === schema.getMutationType() ? 'mutation' : 'query'
    for (const field of Object.values(type.getFields())) {
      const steps = [...(kind === null ? path : [kind]), callOf(field)]
      const next = getNamedType(field.type)
      const reason = reasonOf(schema, steps, isLeafType(next))
      if (reason !== null) reasons.set(`${type.name}.${field.name}`, reason)
      else if (isObjectType(next) && !paths.has(next.name)) {
        paths.set(next.name, steps)
        open.push({ type: next, path: steps })
      }
    }
  }
  return { reasons, types: new Set(paths.keys()) }
}

/** `[operation, field, field, …]` */
function reasonOf(
  schema: GraphQLSchema,
  [kind, ...steps]: readonly string[],
  isLeaf: boolean,
): string | null {
  const [last = '', ...before] = steps.toReversed()
  const source = before.reduce(
    (inner, step) => `${step} { ${inner} }`,
    isLeaf ? last : `${last} { __typename }`,
  )
  const document = parse(`${kind} { ${source} }`)
  const operation = document.definitions.find(
    (one): one is OperationDefinitionNode => one.kind === Kind.OPERATION_DEFINITION,
  )
  if (operation === undefined) throw new Error('no operation')
  return reasonNotCompiled(schema, document, operation)
}

/** With variables for its required arguments. */
function callOf({ name, args }: Field): string {
  const given = args.filter(isRequiredArgument).map((arg) => `${arg.name}: $${arg.name}`)
  return given.length === 0 ? name : `${name}(${given.join(', ')})`
}
