// Sends events to webhook endpoints, signed as Stripe signs, until they are accepted or given up. The queue is in the
// store, so that it survives a restart.
import { createHmac } from 'node:crypto'
import { settingsSchema } from './account.ts'
import type { Delivery, Store } from './store.ts'
import { secretOf } from './webhook-endpoints.ts'

const POLL_MS = 100
const CONCURRENCY_MAX = 16
const TIMEOUT_MS = 10_000
const ATTEMPTS_MAX = 20
const BACKOFF_BASE_MS = 500
const BACKOFF_MAX_MS = 60_000

export type Deliveries = {
  /** Tries all waiting deliveries of an account in order of due time, due or not; resolves when each was tried. */
  flush(account: string): Promise<void>
  /** Aborts deliveries in progress; they are sent again after the next start. */
  stop(): Promise<void>
}

export function startDeliveries(store: Store): Deliveries {
  const sending = new Map<number, Promise<void>>()
  const stopped = new AbortController()

  function send(delivery: Delivery): Promise<void> {
    const known = sending.get(delivery.id)
    if (known !== undefined) return known
    const sent = attempt(store, delivery, stopped.signal).finally(() => sending.delete(delivery.id))
    sending.set(delivery.id, sent)
    return sent
  }

  function sendDue(): void {
    // Deliveries in progress are still in the waiting list, so the list has twice the bound.
    for (const delivery of store.waitingDeliveries(Date.now(), 2 * CONCURRENCY_MAX)) {
      if (sending.size >= CONCURRENCY_MAX) return
      void send(delivery)
    }
  }

  const timer = setInterval(sendDue, POLL_MS)
  return {
    async flush(account) {
      if (isPaused(store, account)) return
      for (const delivery of store.waitingDeliveriesOf(account)) {
        // It may have been sent meanwhile, when it was due.
        if (store.isWaiting(delivery.id)) await send(delivery)
      }
    },
    async stop() {
      clearInterval(timer)
      stopped.abort()
      await Promise.all(sending.values())
    },
  }
}

function isPaused(store: Store, account: string): boolean {
  return settingsSchema.parse(store.settingsOf(account)).webhooks === 'paused'
}

async function attempt(store: Store, delivery: Delivery, stopped: AbortSignal): Promise<void> {
  const { id, account, event, endpoint: endpointId, attempts } = delivery
  const endpoint = store.find(account, endpointId)
  const body = store.find(account, event)
  if (endpoint === null || endpoint.status !== 'enabled' || body === null) {
    store.saveDelivery(id, 'GIVEN_UP', 'the endpoint is gone', Date.now())
    return
  }
  const outcome = await post(
    String(endpoint.url),
    JSON.stringify(body),
    secretOf({ id: account, store }, endpointId),
    stopped,
  )
  // Aborted, so not tried: it is sent after the next start.
  if (stopped.aborted && !/^\d/.test(outcome)) return
  const isTaken = /^2\d\d$/.test(outcome)
  const state = isTaken ? 'DONE' : attempts + 1 >= ATTEMPTS_MAX ? 'GIVEN_UP' : 'WAITING'
  const waitMs = Math.min(BACKOFF_BASE_MS * 2 ** attempts, BACKOFF_MAX_MS)
  store.saveDelivery(id, state, outcome, Date.now() + waitMs)
}

/** The answer's status code, or the reason why there was no answer. */
async function post(url: string, body: string, secret: string, stopped: AbortSignal): Promise<string> {
  const timestamp = Math.floor(Date.now() / 1_000)
  const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'stripe-signature': `t=${timestamp},v1=${signature}`,
      },
      body,
      redirect: 'manual',
      signal: AbortSignal.any([stopped, AbortSignal.timeout(TIMEOUT_MS)]),
    })
    await response.arrayBuffer()
    return String(response.status)
  } catch (error) {
    return error instanceof Error ? error.name : 'failed'
  }
}
