// The whole schema: every domain's types, queries and mutations.
import type { GraphQLSchema } from 'graphql'
import '../catalogue/graphql.ts'
import '../catalogue/mutations.ts'
import '../customers/graphql.ts'
import '../integrity/graphql.ts'
import '../ledger/graphql.ts'
import '../members/graphql.ts'
import '../orders/graphql.ts'
import '../payments/graphql.ts'
import '../payments/mutations.ts'
import '../tenants/graphql.ts'
import { builder } from './builder.ts'

builder.queryType({})
builder.mutationType({})

export function buildSchema(): GraphQLSchema {
  return builder.toSchema()
}
