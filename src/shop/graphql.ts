// The shop's types, queries and mutations.
import './catalogue/products.ts'
import './catalogue/stock.ts'
import './catalogue/variants.ts'
import './customers/graphql.ts'
import './ledger/graphql.ts'
import './orders/graphql.ts'
import './payments/graphql.ts'
import './payments/mutations.ts'
