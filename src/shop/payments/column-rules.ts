// The payment columns that change in a restored tenant: an account's secrets are not copied, and it takes no payments.
import { NO_KEY_ID } from '../../core/seal.ts'
import type { ColumnRules } from '../../db/column-rules.ts'

export const PAYMENT_COLUMN_RULES: ColumnRules = {
  payment_providers: {
    secret_key: { hidden: true, restored: `'\\x'::bytea` },
    webhook_secret: { hidden: true, restored: `'\\x'::bytea` },
    sealing_key_id: { restored: `'${NO_KEY_ID}'` },
    status: { restored: `'REPLACED'::payment_provider_status` },
    replaced_at: { restored: 'coalesce(r.replaced_at, now())' },
    disconnected_at: { restored: 'NULL' },
    events_until: { restored: 'now()' },
    previous_webhook_secret: { hidden: true, restored: 'NULL' },
    previous_webhook_secret_until: { restored: 'NULL' },
    previous_endpoint_reference: { restored: 'NULL' },
  },
}
