// The desk columns that change in a restored tenant: keys, invitations and support grants have ended.
import type { ColumnRules } from '../../db/column-rules.ts'

export const DESK_COLUMN_RULES: ColumnRules = {
  tenants: {
    name: { restored: 'coalesce($3, r.name)' },
    erasure_at: { restored: 'NULL' },
  },
  api_keys: {
    hash: {
      hidden: true,
      restored: 'sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))',
    },
    revoked_at: { restored: 'coalesce(r.revoked_at, now())' },
  },
  invitations: {
    token_hash: { hidden: true, restored: 'NULL' },
    status: { restored: `CASE r.status WHEN 'PENDING' THEN 'REVOKED' ELSE r.status END` },
  },
  support_grants: {
    revoked_at: { restored: 'coalesce(r.revoked_at, now())' },
  },
}
