// The desk's types of nodes, by the prefixes of their ids.
import { defineNodes } from '../graphql/node-ids.ts'

defineNodes({
  mem: 'Member',
  inv: 'Invitation',
  aud: 'AuditEntry',
  grant: 'SupportGrant',
  key: 'ApiKey',
  exp: 'Export',
})
