// Events: what happened, as the account's webhook endpoints are told. Sending is deliveries.ts's.
import { createHash } from 'node:crypto'
import { type Account, makeId, seconds } from './account.ts'
import type { Stored } from './store.ts'

/** The one that Stripe's library is made for, which a test compares. */
const API_VERSION = '2026-10-28.endive'
/** Within it shuffled deliveries are sent in another order. */
const SHUFFLE_WINDOW_MS = 1_000

/** Records an event with the object as it is now, and queues its deliveries. */
export function emit(account: Account, type: string, object: object): Stored {
  const endpoints = account.store
    .list(account.id, 'webhook_endpoint')
    .filter((endpoint) => endpoint.status === 'enabled' && wants(endpoint, type))
  const event: Stored = {
    id: makeId('evt'),
    object: 'event',
    api_version: API_VERSION,
    created: seconds(account),
    data: { object },
    livemode: false,
    pending_webhooks: endpoints.length,
    request: account.request,
    type,
  }
  account.store.save(account.id, event)
  const copies = account.settings.webhooks === 'duplicate' ? account.settings.webhookCopies : 1
  for (const endpoint of endpoints) deliver(account, event.id, endpoint.id, copies)
  return event
}

/** Queues deliveries of an event, in the way that the account is set to. */
export function deliver(account: Account, event: string, endpoint: string, copies: number): void {
  for (let copy = 0; copy < copies; copy += 1) {
    const delivery = account.store.addDelivery({ account: account.id, event, endpoint }, account.nowMs)
    const delay = delayMs(account, delivery)
    if (delay > 0) account.store.postponeDelivery(delivery, account.nowMs + delay)
  }
}

/** Puts all that wait in another order: those that were held back were queued in theirs. */
export function shuffleWaiting(account: Account): void {
  for (const { id } of account.store.waitingDeliveriesOf(account.id)) {
    account.store.postponeDelivery(id, account.nowMs + shuffledMs(account, id))
  }
}

function delayMs(account: Account, delivery: number): number {
  const { webhooks, webhookDelayMs } = account.settings
  if (webhooks === 'delay') return webhookDelayMs
  return webhooks === 'shuffle' ? shuffledMs(account, delivery) : 0
}

/** By the delivery's place among the account's, so that a seed makes the same of the same course of things. */
function shuffledMs({ id, store, settings }: Account, delivery: number): number {
  const place = `${settings.seed}/${store.placeOfDelivery(id, delivery)}`
  return createHash('sha256').update(place).digest().readUInt32BE() % SHUFFLE_WINDOW_MS
}

function wants({ enabled_events: wanted }: Stored, type: string): boolean {
  return Array.isArray(wanted) && (wanted.includes('*') || wanted.includes(type))
}
