// The table of checks: what a tenant's rows must say of each other. All run as the runtime role, behind the walls, and
// read only. What a provider's books say is provider-records.ts's, since it asks the network.

import { LEDGER_CHECKS } from '../../shop/integrity/ledger-checks.ts'
import { ORDER_CHECKS } from '../../shop/integrity/order-checks.ts'
import { PAYMENT_CHECKS } from '../../shop/integrity/payment-checks.ts'
import { STOCK_CHECKS } from '../../shop/integrity/stock-checks.ts'
import type { Check } from './check.ts'

export const CHECKS: readonly Check[] = [
  ...LEDGER_CHECKS,
  ...ORDER_CHECKS,
  ...PAYMENT_CHECKS,
  ...STOCK_CHECKS,
]
