// Builds the whole schema of all modules.
import { type GraphQLSchema, isObjectType } from 'graphql'
import { builder } from './graphql/builder.ts'
import { loadGraphql } from './parts.ts'

await loadGraphql()
builder.queryType({})
builder.mutationType({})

export function buildSchema(): GraphQLSchema {
  const schema = builder.toSchema()
  for (const type of Object.values(schema.getTypeMap())) {
    const { permission } = type.extensions
    // A mutation's own field states its permission; a type states it for every field that returns it.
    if (isObjectType(type) && typeof permission === 'string')
      type.description = [type.description ?? [], `Needs ${permission}.`].flat().join(' ')
  }
  return schema
}
