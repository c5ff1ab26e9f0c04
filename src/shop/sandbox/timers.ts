// Runs delayed actions, such as payments and refunds that process for a while. Due times are in the store.
import type { Account } from './account.ts'
import { FINISH_INTENT, finishIntent } from './intents.ts'
import { FINISH_REFUND, finishRefund } from './refunds.ts'
import type { Store } from './store.ts'

const POLL_MS = 50

/** Returns a function that stops it. `accountOf` opens the account of a timer. */
export function startTimers(store: Store, accountOf: (id: string) => Account): () => void {
  const timer = setInterval(() => {
    store.atomically(() => {
      for (const { account, action, subject } of store.takeTimers(Date.now())) {
        if (action === FINISH_INTENT) finishIntent(accountOf(account), subject)
        if (action === FINISH_REFUND) finishRefund(accountOf(account), subject)
      }
    })
  }, POLL_MS)
  return () => clearInterval(timer)
}
