// Events: what happened, as the account's webhook endpoints are told. Sending is deliveries.ts's.
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
    account.store.addDelivery(
      { account: account.id, event, endpoint },
      account.nowMs + delayMs(account, event, copy),
    )
  }
}

function delayMs({ settings }: Account, event: string, copy: number): number {
  if (settings.webhooks === 'delay') return settings.webhookDelayMs
  if (settings.webhooks === 'shuffle') return hash(`${settings.seed}/${event}/${copy}`) % SHUFFLE_WINDOW_MS
  return 0
}

function wants({ enabled_events: wanted }: Stored, type: string): boolean {
  return Array.isArray(wanted) && (wanted.includes('*') || wanted.includes(type))
}

/** FNV-1a: the same order for the same seed and ids. */
function hash(input: string): number {
  let value = 0x81_1c_9d_c5
  for (const character of input) value = Math.imul(value ^ character.charCodeAt(0), 0x01_00_01_93) >>> 0
  return value
}
