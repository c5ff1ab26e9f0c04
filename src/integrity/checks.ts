// The table of checks: what a tenant's rows must say of each other. All run as the runtime role, behind the walls, and
// read only. What a provider's books say is provider-records.ts's, since it asks the network.
import type { Check } from './check.ts'
import { LEDGER_CHECKS } from './ledger-checks.ts'
import { ORDER_CHECKS } from './order-checks.ts'
import { PAYMENT_CHECKS } from './payment-checks.ts'
import { STOCK_CHECKS } from './stock-checks.ts'

export const CHECKS: readonly Check[] = [
  ...LEDGER_CHECKS,
  ...ORDER_CHECKS,
  ...PAYMENT_CHECKS,
  ...STOCK_CHECKS,
]
