// The desk's types, queries and mutations.
import './access/graphql.ts'
import './audit/graphql/entries.ts'
import './integrity/graphql.ts'
import './keys/graphql.ts'
import './members/graphql.ts'
import './members/mutations.ts'
import './support/graphql.ts'
import './tenants/graphql.ts'
