// The idempotency keys of running calls: a second call with the same key is refused until the first is answered. Only
// in memory; the store has the effects of a call that was cut off.
import type { Account } from './account.ts'
import { Problem } from './problem.ts'
import type { Route } from './routes.ts'

export type KeysInUse = ReturnType<typeof createKeysInUse>

export function createKeysInUse() {
  const inUse = new Set<string>()
  return {
    /** Throws Stripe's 409 while another call with the account's key is running. */
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
