// The desk's node types, by the prefix of their ids.
import { defineNodes } from '../graphql/node-ids.ts'

defineNodes({
  mem: 'Member',
  inv: 'Invitation',
  aud: 'AuditEntry',
  grant: 'SupportGrant',
  key: 'ApiKey',
  exp: 'Export',
  ten: 'Tenant',
})
