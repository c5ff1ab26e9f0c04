// The desk's setup for the tests: values, rights and services.
import { createHash } from 'node:crypto'
import type { ModuleSetup } from '../support/module-setup.ts'

export const SETUP: ModuleSetup = {
  ownValues: {
    // Addresses must differ between tenants: members sign in with them.
    members: { email: (tenant, n) => `member${n}@${tenant.key}.example` },
    api_keys: {
      hash: (tenant, n) => `\\x${createHash('sha256').update(`${tenant.key}${n}`).digest('hex')}`,
      permissions: () => '{members:read}',
    },
    support_grants: { expires_at: () => '2999-01-01T00:00:00Z' },
    audit_seals: {
      until_at: () => '2999-01-01T00:00:00Z',
      entry_ids: () => '{}',
      entry_digests: () => '{}',
    },
    // Only one export of a tenant may be unfinished.
    exports: { status: () => 'COMPLETED' },
  },
  rights: {
    tenants: ['select', 'update'],
    members: ['select', 'insert', 'update'],
    invitations: ['select', 'insert', 'update'],
    api_keys: ['select', 'insert', 'update'],
    support_grants: ['select', 'insert', 'update'],
    search_words: ['select', 'insert', 'delete'],
  },
  updatable: {},
  uncheckedTables: [],
  mendRows: async () => {},
  services: () => ({}),
}
