// Retries a transaction when the database allows it: bounded, with jitter so that concurrent ones separate.
import { setTimeout as sleep } from 'node:timers/promises'
import { isRetryable } from '../db/faults.ts'

const ATTEMPTS_MAX = 5
const DELAY_BASE_MS = 5

/**
 * When `work` throws a retryable error, it must be a transaction that failed before its COMMIT was sent, or have no
 * effect.
 */
export async function retried<T>(work: () => Promise<T>, random: () => number = Math.random): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      if (attempt >= ATTEMPTS_MAX || !isRetryable(error)) throw error
      await sleep(DELAY_BASE_MS * 2 ** attempt * random())
    }
  }
}
