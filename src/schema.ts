// The whole schema: every module's types, queries and mutations.
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
    // What a mutation needs its own field says; what a type needs whoever shows it would have to say again and again.
    if (isObjectType(type) && typeof permission === 'string')
      type.description = [type.description ?? [], `Needs ${permission}.`].flat().join(' ')
  }
  return schema
}
