// The whole schema: every domain's types, queries and mutations.
import { type GraphQLSchema, isObjectType } from 'graphql'
import '../access/graphql.ts'
import '../audit/graphql.ts'
import '../catalogue/graphql.ts'
import '../catalogue/mutations.ts'
import '../customers/graphql.ts'
import '../integrity/graphql.ts'
import '../keys/graphql.ts'
import '../ledger/graphql.ts'
import '../members/graphql.ts'
import '../members/mutations.ts'
import '../orders/graphql.ts'
import '../payments/graphql.ts'
import '../payments/mutations.ts'
import '../support/graphql.ts'
import { builder } from './builder.ts'

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
