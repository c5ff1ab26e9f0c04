// The whole schema: every domain's types, queries and mutations.
import { type GraphQLSchema, isObjectType } from 'graphql'
import './desk/access/graphql.ts'
import './desk/audit/graphql.ts'
import './shop/catalogue/graphql.ts'
import './shop/catalogue/mutations.ts'
import './shop/customers/graphql.ts'
import './desk/integrity/graphql.ts'
import './desk/keys/graphql.ts'
import './shop/ledger/graphql.ts'
import './desk/members/graphql.ts'
import './desk/members/mutations.ts'
import './shop/orders/graphql.ts'
import './shop/payments/graphql.ts'
import './shop/payments/mutations.ts'
import './desk/support/graphql.ts'
import './desk/tenants/graphql.ts'
import { builder } from './graphql/builder.ts'

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
