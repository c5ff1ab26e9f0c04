// The shop module: catalogue, customers, orders, payments and ledger.
import './error-codes.ts'
import './nodes.ts'
import './permissions.ts'
import { defineModule } from '../module.ts'
import { PAYMENT_COLUMN_RULES } from './payments/column-rules.ts'
import { sandboxCommand } from './sandbox-command.ts'

export const shop = defineModule({
  name: 'shop',
  columnRules: PAYMENT_COLUMN_RULES,
  appendOnly: [
    'stock_movements',
    'order_notes',
    'refund_lines',
    'ledger_accounts',
    'journal_entries',
    'postings',
  ],
  commands: (cli) => [sandboxCommand(cli)],
  load: async () => (await import('./wiring.ts')).SHOP_WIRING,
})
