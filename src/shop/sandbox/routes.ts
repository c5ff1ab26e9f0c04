// The routes of the sandbox: the part of Stripe's API that it implements.
import { type Account, load } from './account.ts'
import { closeDispute, updateDispute } from './dispute-evidence.ts'
import type { Params } from './form.ts'
import { text } from './form.ts'
import { cancelIntent, confirmIntent, createIntent, methodOf } from './intents.ts'
import { listOf } from './listing.ts'
import { balanceOf, createPayout } from './payouts.ts'
import { createRefund } from './refunds.ts'
import { createEndpoint, deleteEndpoint, updateEndpoint } from './webhook-endpoints.ts'

export type Fault = 'LOST_BEFORE' | 'LOST_AFTER' | 'FAULT_AFTER'

export type Route = {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  run(account: Account, params: Params, id: string): object
  /** The fault to inject into this call, once. */
  fault?(account: Account, params: Params, id: string): Fault | null
}

function get(path: string, kind: string): Route {
  return { method: 'GET', path, run: (account, _params, id) => load(account, kind, id) }
}

function list(path: string, kind: string, matches: readonly string[] = []): Route {
  return {
    method: 'GET',
    path,
    run: (account, params) => listOf(account, kind, params, { url: `/v1/${path}`, matches }),
  }
}

export const ROUTES: readonly Route[] = [
  { method: 'GET', path: 'account', run: accountObject },
  {
    method: 'POST',
    path: 'payment_intents',
    run: createIntent,
    fault: (_account, params) =>
      text(params, 'confirm') === 'true' ? chargeFault(text(params, 'payment_method')) : null,
  },
  list('payment_intents', 'payment_intent'),
  get('payment_intents/:id', 'payment_intent'),
  {
    method: 'POST',
    path: 'payment_intents/:id/confirm',
    run: (account, params, id) => confirmIntent(account, id, params),
    fault: (account, params, id) =>
      chargeFault(
        text(params, 'payment_method') ?? account.store.find(account.id, id)?.payment_method ?? null,
      ),
  },
  {
    method: 'POST',
    path: 'payment_intents/:id/cancel',
    run: (account, params, id) => cancelIntent(account, id, params),
  },
  list('charges', 'charge', ['payment_intent']),
  get('charges/:id', 'charge'),
  get('balance_transactions/:id', 'balance_transaction'),
  list('balance_transactions', 'balance_transaction', ['type', 'currency']),
  { method: 'GET', path: 'balance', run: balanceOf },
  { method: 'POST', path: 'refunds', run: createRefund, fault: refundFault },
  list('refunds', 'refund', ['payment_intent', 'charge']),
  get('refunds/:id', 'refund'),
  list('disputes', 'dispute', ['payment_intent', 'charge']),
  get('disputes/:id', 'dispute'),
  {
    method: 'POST',
    path: 'disputes/:id',
    run: (account, params, id) => updateDispute(account, id, params),
  },
  {
    method: 'POST',
    path: 'disputes/:id/close',
    run: (account, _params, id) => closeDispute(account, id),
  },
  { method: 'POST', path: 'payouts', run: createPayout },
  list('payouts', 'payout'),
  get('payouts/:id', 'payout'),
  { method: 'POST', path: 'webhook_endpoints', run: createEndpoint },
  list('webhook_endpoints', 'webhook_endpoint'),
  get('webhook_endpoints/:id', 'webhook_endpoint'),
  {
    method: 'POST',
    path: 'webhook_endpoints/:id',
    run: (account, params, id) => updateEndpoint(account, id, params),
  },
  {
    method: 'DELETE',
    path: 'webhook_endpoints/:id',
    run: (account, _params, id) => deleteEndpoint(account, id),
  },
  list('events', 'event', ['type']),
  get('events/:id', 'event'),
]

function accountObject({ id }: Account): object {
  return {
    id,
    object: 'account',
    business_profile: { name: 'Sandbox shop' },
    charges_enabled: true,
    payouts_enabled: true,
    settings: { dashboard: { display_name: 'Sandbox shop' } },
    type: 'standard',
  }
}

function chargeFault(method: unknown): Fault | null {
  return typeof method === 'string' ? (methodOf(method).fault ?? null) : null
}

function refundFault(account: Account, params: Params): Fault | null {
  const paid = account.store.find(account.id, text(params, 'payment_intent') ?? text(params, 'charge') ?? '')
  const method = paid?.payment_method
  return typeof method === 'string' && methodOf(method).refund === 'LOST_AFTER' ? 'LOST_AFTER' : null
}
