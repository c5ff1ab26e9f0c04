// The desk module: tenants, members, keys, support access, audit and exports. Independent of the product.
import './error-codes.ts'
import './nodes.ts'
import './permissions.ts'
import { defineModule } from '../module.ts'
import { DESK_COLUMN_RULES } from './tenants/column-rules.ts'

export const desk = defineModule({
  name: 'desk',
  columnRules: DESK_COLUMN_RULES,
  appendOnly: ['audit_entries', 'audit_seals'],
  load: async () => (await import('./wiring.ts')).DESK_WIRING,
})
