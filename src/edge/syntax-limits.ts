// Limits of a document's shape, checked before validation: cheap for any input.
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql'
import { AppError } from '../core/errors.ts'

/** Bounds the parser and the quadratic validation rules: at this size the worst document validates in 30 ms. */
export const TOKENS_MAX = 2_000
/** GraphiQL's introspection query has 15 levels. */
const DEPTH_MAX = 15
const ALIASES_MAX = 50
const ROOT_FIELDS_MAX = 20
/** A fragment counts wherever it is spread. */
const FIELDS_MAX = 1_000

type Shape = { depth: number; breadth: number; fields: number; aliases: number }

/**
 * Throws QUERY_TOO_COMPLEX for an operation that is too deep, too wide or too large, BAD_USER_INPUT for cyclic
 * fragments (on which validation would overflow the stack). Linear in the document, including spreads.
 */
export function checkSyntaxLimits(document: DocumentNode): void {
  const shapes = createShapes(document)
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) shapes.ofFragment(definition)
    if (definition.kind === Kind.OPERATION_DEFINITION) checkShape(shapes.of(definition.selectionSet))
  }
}

function checkShape({ depth, breadth, fields, aliases }: Shape): void {
  if (depth > DEPTH_MAX) throw tooComplex('levels deep', depth, DEPTH_MAX)
  if (breadth > ROOT_FIELDS_MAX) throw tooComplex('fields at its root', breadth, ROOT_FIELDS_MAX)
  if (aliases > ALIASES_MAX) throw tooComplex('aliases', aliases, ALIASES_MAX)
  if (fields > FIELDS_MAX) throw tooComplex('fields', fields, FIELDS_MAX)
}

function tooComplex(what: string, found: number, max: number): AppError {
  const shown = found > 1_000_000 ? 'over a million' : String(found)
  return new AppError('QUERY_TOO_COMPLEX', `the operation has ${shown} ${what}; at most ${max} are allowed`, {
    max,
  })
}

function createShapes(document: DocumentNode) {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition)
  }
  /** Each fragment is measured once, so that nested fragments cost no more than their text. */
  const measured = new Map<string, Shape | 'being measured'>()

  function of(set: SelectionSetNode): Shape {
    const shape: Shape = { depth: 0, breadth: 0, fields: 0, aliases: 0 }
    for (const selection of set.selections) add(shape, selection)
    return shape
  }

  function add(shape: Shape, selection: SelectionNode): void {
    if (selection.kind === Kind.FIELD) {
      const inner = selection.selectionSet === undefined ? undefined : of(selection.selectionSet)
      shape.depth = Math.max(shape.depth, 1 + (inner?.depth ?? 0))
      shape.breadth += 1
      shape.fields += 1 + (inner?.fields ?? 0)
      shape.aliases += (selection.alias === undefined ? 0 : 1) + (inner?.aliases ?? 0)
      return
    }
    const inner =
      selection.kind === Kind.INLINE_FRAGMENT ? of(selection.selectionSet) : ofSpread(selection.name.value)
    shape.depth = Math.max(shape.depth, inner.depth)
    shape.breadth += inner.breadth
    shape.fields += inner.fields
    shape.aliases += inner.aliases
  }

  function ofSpread(name: string): Shape {
    const fragment = fragments.get(name)
    // Validation reports unknown fragments.
    return fragment === undefined ? { depth: 0, breadth: 0, fields: 0, aliases: 0 } : ofFragment(fragment)
  }

  function ofFragment(fragment: FragmentDefinitionNode): Shape {
    const name = fragment.name.value
    const known = measured.get(name)
    if (known === 'being measured') {
      throw new AppError('BAD_USER_INPUT', `the fragment ${name} contains itself`)
    }
    if (known !== undefined) return known
    measured.set(name, 'being measured')
    const shape = of(fragment.selectionSet)
    measured.set(name, shape)
    return shape
  }

  return { of, ofFragment }
}
