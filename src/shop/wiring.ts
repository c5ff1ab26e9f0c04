// What the shop module adds to the platform.
import { moduleWiring } from '../module.ts'
import { FIGURE_CHECKS } from './integrity/figure-checks.ts'
import { LEDGER_CHECKS } from './integrity/ledger-checks.ts'
import { ORDER_CHECKS } from './integrity/order-checks.ts'
import { PAYMENT_CHECKS } from './integrity/payment-checks.ts'
import { providerRecords } from './integrity/provider-records.ts'
import { STOCK_CHECKS } from './integrity/stock-checks.ts'
import { releaseHoldsTask } from './orders/release-holds.ts'
import { createGateway } from './payments/gateway.ts'
import { endTask } from './payments/provider-account/end-provider.ts'
import { resealSecrets } from './payments/provider-account/reseal.ts'
import { paymentTasks } from './payments/reconcile.ts'
import { eventTask } from './payments/webhook/receive-event.ts'
import { webhookRoute } from './payments/webhook/webhook-route.ts'
import { sandboxCompanion } from './sandbox/companion.ts'
import { SHOP_SCHEDULE } from './schedule.ts'

export const SHOP_WIRING = moduleWiring({
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
  schedule: SHOP_SCHEDULE,
  checks: [...LEDGER_CHECKS, ...ORDER_CHECKS, ...PAYMENT_CHECKS, ...STOCK_CHECKS, ...FIGURE_CHECKS],
  outsideChecks: (tenant, { payments }, { sinceDays }) => [providerRecords(tenant, payments, sinceDays)],
  openServices: ({ sealer, companionUrl, publicUrl }) => ({
    payments: {
      gateway: createGateway({ sandboxUrl: companionUrl }),
      sealer,
      get publicUrl() {
        return publicUrl()
      },
    },
  }),
  reseal: (context, { payments }) => resealSecrets(context, payments),
  development: {
    companion: sandboxCompanion,
    seed: async (options) => (await import('./demo/seed.ts')).seedDemo(options),
    people: async () => (await import('./demo/people.ts')).demoPeople(),
    firstFields: `orders(first: 5) {
    nodes { number status total { amount currency } customer { name } }
  }`,
    whenListening: async (runtime, { payments: { stripe } }) => {
      const { connectDemoShops } = await import('./demo/connect-shops.ts')
      await connectDemoShops({ ...runtime, services: runtime.services.payments, stripe })
    },
  },
})
