// Owns: every operation of the schema in its shortest form, with the permissions that it says it needs. A
// new field joins by existing.
import { type GraphQLSchema, getNamedType } from 'graphql'
import { documentOf, type Given, type Place, placesOf, requiredArguments, type Slot } from './operations.ts'

export interface Operation {
  name: string
  source: string
  variables: Given
  needs: string[]
}

/** Well-formed, and nothing's: whoever is let through finds no record, or breaks a rule. */
const VALUES: Record<string, unknown> = {
  BigInt: '1',
  Currency: 'USD',
  Int: 1,
  Boolean: true,
  DateTime: '2000-01-01T00:00:00Z',
}

export function operationsOf(schema: GraphQLSchema): Operation[] {
  return placesOf(schema)
    .filter(({ path }) => path.length === 0)
    .map((place) => {
      const variables = requiredArguments(place.field, valueFor)
      const { name } = place
      return {
        name,
        source: documentOf(place, variables, selectionFor(place)),
        variables,
        needs: needsOf(schema, place),
      }
    })
}

function selectionFor({ field }: Place): string {
  return 'getFields' in getNamedType(field.type) ? '{ __typename }' : ''
}

function needsOf(schema: GraphQLSchema, { field }: Place): string[] {
  const type = schema.getType(getNamedType(field.type).name)
  const named = [field.extensions.permission, type?.extensions.permission]
  return [...new Set(named.filter((permission) => typeof permission === 'string'))]
}

function valueFor({ type }: Slot): unknown {
  return VALUES[type] ?? 'nothing'
}
