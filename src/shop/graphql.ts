// The shop's types, queries and mutations.
import './catalogue/product-resource.ts'
import './catalogue/graphql.ts'
import './catalogue/variant-resource.ts'
import './customers/customer-resource.ts'
import './ledger/graphql.ts'
import './orders/graphql.ts'
import './payments/graphql/payments.ts'
import './payments/graphql/mutations.ts'
