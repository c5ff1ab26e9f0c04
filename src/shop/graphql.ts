// The shop's types, queries and mutations.
import './catalogue/graphql.ts'
import './catalogue/mutations.ts'
import './customers/graphql.ts'
import './ledger/graphql.ts'
import './orders/graphql.ts'
import './payments/graphql.ts'
import './payments/mutations.ts'
