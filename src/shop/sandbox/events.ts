// Records events and queues them for the account's webhook endpoints. deliveries.ts sends them.
import { createHash } from 'node:crypto'
import { type Account, makeId, seconds } from './account.ts'
import type { Stored } from './store.ts'

/** The API version of the installed Stripe library; a test compares them. */
const API_VERSION = '2026-10-28.endive'
/** The window within which shuffled deliveries change their order. */
const SHUFFLE_WINDOW_MS = 1_000

/** Records an event with the object's current state, and queues its deliveries. */
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

/** Queues deliveries of an event, as the account's settings say. */
export function deliver(account: Account, event: string, endpoint: string, copies: number): void {
  for (let copy = 0; copy < copies; copy += 1) {
    const delivery = account.store.addDelivery({ account: account.id, event, endpoint }, account.nowMs)
    const delay = delayMs(account, delivery)
    if (delay > 0) account.store.postponeDelivery(delivery, account.nowMs + delay)
  }
}

/** Shuffles all waiting deliveries, since those that were held back were queued in order. */
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

/** Derived from the delivery's position in the account, so that the same seed and events give the same order. */
function shuffledMs({ id, store, settings }: Account, delivery: number): number {
  const place = `${settings.seed}/${store.placeOfDelivery(id, delivery)}`
  return createHash('sha256').update(place).digest().readUInt32BE() % SHUFFLE_WINDOW_MS
}

function wants({ enabled_events: wanted }: Stored, type: string): boolean {
  return Array.isArray(wanted) && (wanted.includes('*') || wanted.includes(type))
}
