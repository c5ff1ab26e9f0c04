// Owns: an operation for each permission, made from the schema, that needs this one and no other; and whether somebody
// who sends it is let through. A new permission joins by the first field that needs it.
import { type GraphQLSchema, getNamedType } from 'graphql'
import type { Answer } from './api.ts'
import { documentOf, type Given, type Place, placesOf, requiredArguments, type Slot } from './operations.ts'

export interface Operation {
  name: string
  source: string
  variables: Given
}

/** Well-formed, and nothing's: whoever is let through finds no record, or breaks a rule. */
const VALUES: Record<string, unknown> = {
  BigInt: '1',
  Currency: 'USD',
  Int: 1,
  Boolean: true,
  DateTime: '2000-01-01T00:00:00Z',
}

/** One operation for each permission that any field needs, by the permission. */
export function operationsByPermission(schema: GraphQLSchema): Map<string, Operation> {
  const operations = new Map<string, Operation>()
  for (const place of placesOf(schema)) {
    if (place.path.length > 0) continue
    const needed = permissionsOf(schema, place)
    const [only] = needed
    if (only === undefined || needed.size > 1 || operations.has(only)) continue
    const variables = requiredArguments(place.field, valueFor)
    operations.set(only, {
      name: place.name,
      source: documentOf(place, variables, '{ __typename }'),
      variables,
    })
  }
  return operations
}

function permissionsOf(schema: GraphQLSchema, { field }: Place): Set<string> {
  const type = schema.getType(getNamedType(field.type).name)
  const named = [field.extensions.permission, type?.extensions.permission]
  return new Set(named.filter((permission) => typeof permission === 'string'))
}

function valueFor({ type }: Slot): unknown {
  return VALUES[type] ?? 'nothing'
}

/** Whether the front door and the pipeline let it through, whatever became of it then. */
export function wasLetThrough({ errors }: Pick<Answer, 'errors'> | { errors: readonly unknown[] }): boolean {
  return !errors.some((error) => {
    const { code, extensions } = error as { code?: string; extensions?: { code?: string } }
    return ['FORBIDDEN', 'UNAUTHENTICATED'].includes(code ?? extensions?.code ?? '')
  })
}
