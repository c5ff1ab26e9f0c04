// What an operation asks of an object type: its fields by their names in the answer, merged and without what is skipped, as
// graphql-js collects them.
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  GraphQLIncludeDirective,
  type GraphQLObjectType,
  type GraphQLSchema,
  GraphQLSkipDirective,
  getArgumentValues,
  getDirectiveValues,
  isAbstractType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
  visit,
} from 'graphql'

export type Variables = Readonly<Record<string, unknown>>

/** A document's operation, with the values of the variables that decide which fields it has. */
export type Asked = {
  readonly schema: GraphQLSchema
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>
  readonly deciding: Variables
  /** How many fields were collected: the size of what is compiled. */
  fieldCount: number
}

/** A field of the answer, with all nodes of the document that ask for it. */
export type AskedField = {
  readonly key: string
  readonly name: string
  /** At least one. */
  readonly nodes: readonly FieldNode[]
}

/** The operation with this name, or the only one; null: graphql-js answers what is wrong. */
export function operationIn(
  document: DocumentNode,
  name: string | null | undefined,
): OperationDefinitionNode | null {
  const found = document.definitions.filter(
    (definition) =>
      definition.kind === Kind.OPERATION_DEFINITION && (name == null || definition.name?.value === name),
  ) as OperationDefinitionNode[]
  return found.length === 1 ? (found[0] ?? null) : null
}

export function fragmentsOf(document: DocumentNode): Map<string, FragmentDefinitionNode> {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const definition of document.definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition)
  return fragments
}

/** The variables that decide about a field by @skip and @include, in any part of the document. */
export function decidingVariables(document: DocumentNode): readonly string[] {
  const names = new Set<string>()
  visit(document, {
    Directive: ({ name, arguments: args }) => {
      if (name.value !== 'skip' && name.value !== 'include') return
      for (const { value } of args ?? []) if (value.kind === Kind.VARIABLE) names.add(value.name.value)
    },
  })
  return [...names]
}

/** The fields that selection sets ask of `type`, in the order of the answer. */
export function fieldsOf(
  asked: Asked,
  type: GraphQLObjectType,
  sets: readonly SelectionSetNode[],
): readonly AskedField[] {
  const fields = new Map<string, { key: string; name: string; nodes: FieldNode[] }>()
  const visited = new Set<string>()
  const collect = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      if (!isIncluded(asked, selection)) continue
      if (selection.kind === Kind.FIELD) {
        const key = (selection.alias ?? selection.name).value
        const known = fields.get(key)
        if (known === undefined) fields.set(key, { key, name: selection.name.value, nodes: [selection] })
        else known.nodes.push(selection)
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        if (isOfType(asked, type, selection.typeCondition?.name.value)) collect(selection.selectionSet)
      } else {
        const name = selection.name.value
        const fragment = asked.fragments.get(name)
        if (visited.has(name) || fragment === undefined) continue
        visited.add(name)
        if (isOfType(asked, type, fragment.typeCondition.name.value)) collect(fragment.selectionSet)
      }
    }
  }
  for (const set of sets) collect(set)
  asked.fieldCount += fields.size
  return [...fields.values()]
}

export function setsOf(nodes: readonly FieldNode[]): readonly SelectionSetNode[] {
  return nodes.flatMap(({ selectionSet }) => selectionSet ?? [])
}

function isIncluded({ deciding }: Asked, node: Parameters<typeof getDirectiveValues>[1]): boolean {
  if (node.directives === undefined || node.directives.length === 0) return true
  if (getDirectiveValues(GraphQLSkipDirective, node, deciding)?.if === true) return false
  return getDirectiveValues(GraphQLIncludeDirective, node, deciding)?.if !== false
}

function isOfType({ schema }: Asked, type: GraphQLObjectType, condition: string | undefined): boolean {
  if (condition === undefined || condition === type.name) return true
  const other = schema.getType(condition)
  return isAbstractType(other) && schema.isSubType(other, type)
}

/** The arguments of a field, for a request's variables. Those without a variable are read once. */
export function argumentsOf(
  field: GraphQLField<unknown, unknown>,
  node: FieldNode,
): { readonly areConstant: boolean; readonly of: (variables: Variables) => Record<string, unknown> } {
  if (node.arguments?.some(({ value }) => hasVariable(value)) === true)
    return { areConstant: false, of: (variables) => getArgumentValues(field, node, variables) }
  const values = getArgumentValues(field, node, {})
  return { areConstant: true, of: () => values }
}

function hasVariable(value: ValueNode): boolean {
  switch (value.kind) {
    case Kind.VARIABLE:
      return true
    case Kind.LIST:
      return value.values.some(hasVariable)
    case Kind.OBJECT:
      return value.fields.some((field) => hasVariable(field.value))
    default:
      return false
  }
}
