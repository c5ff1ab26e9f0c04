// The desk's types of nodes, by the prefixes of their ids.
import { defineNodes } from '../graphql/node-ids.ts'

const DESK = defineNodes({
  mem: 'Member',
  inv: 'Invitation',
  aud: 'AuditEntry',
  grant: 'SupportGrant',
  key: 'ApiKey',
  exp: 'Export',
})
type DeskNodes = typeof DESK

declare module '../graphql/node-ids.ts' {
  interface NodeTypes extends DeskNodes {}
}
