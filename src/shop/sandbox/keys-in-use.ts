// Idempotency keys of calls that are under way: a second call with one is turned away until the first has its answer.
// Only in memory: what a call that was cut off has done, or not, stands in the store.
import type { Account } from './account.ts'
import { Problem } from './problem.ts'
import type { Route } from './routes.ts'

export type KeysInUse = ReturnType<typeof createKeysInUse>

export function createKeysInUse() {
  const inUse = new Set<string>()
  return {
    /** Throws Stripe's 409 when a call with the account's key is under way. */
    async during<T>(account: Account, route: Route, call: (account: Account) => Promise<T>): Promise<T> {
      const key = route.method === 'POST' ? account.request.idempotency_key : null
      if (key === null) return await call(account)
      const name = `${account.id} ${key}`
      if (inUse.has(name)) throw keyInUse()
      inUse.add(name)
      try {
        return await call(account)
      } finally {
        inUse.delete(name)
      }
    },
  }
}

function keyInUse(): Problem {
  return new Problem(409, {
    type: 'invalid_request_error',
    code: 'idempotency_key_in_use',
    message: 'There is currently another in-progress request using this Idempotent Key.',
  })
}
