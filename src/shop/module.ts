// The shop: what a merchant sells, to whom, and the money for it.
import './nodes.ts'
import './permissions.ts'
import { defineModule } from '../module.ts'
import { LEDGER_CHECKS } from './integrity/ledger-checks.ts'
import { ORDER_CHECKS } from './integrity/order-checks.ts'
import { PAYMENT_CHECKS } from './integrity/payment-checks.ts'
import { providerRecords } from './integrity/provider-records.ts'
import { STOCK_CHECKS } from './integrity/stock-checks.ts'
import { releaseHoldsTask } from './orders/release-holds.ts'
import { endTask } from './payments/end-provider.ts'
import { eventTask } from './payments/receive-event.ts'
import { paymentTasks } from './payments/reconcile.ts'
import { webhookRoute } from './payments/webhook-route.ts'

export const shop = defineModule({
  name: 'shop',
  loadGraphql: () => import('./graphql.ts'),
  routes: [webhookRoute()],
  tasks: ({ services: { payments } }) => [
    ...paymentTasks(payments),
    eventTask(payments),
    endTask(payments),
    releaseHoldsTask,
  ],
  queuedBy: {
    'payment.reconcile': ['payments:take'],
    'payment.fee': ['payments:take'],
    'refund.reconcile': ['payments:refund'],
    'payment-provider.end': ['payments:manage'],
    'provider-event.process': ['system'],
    'order.release-holds': ['system'],
  },
  schedule: [{ task: releaseHoldsTask.name, pattern: '*/5 * * * *' }],
  checks: [...LEDGER_CHECKS, ...ORDER_CHECKS, ...PAYMENT_CHECKS, ...STOCK_CHECKS],
  outsideChecks: (tenant, { payments }, { sinceDays }) => [providerRecords(tenant, payments, sinceDays)],
})
