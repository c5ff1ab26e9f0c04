// The order of shuffled webhooks: depends only on the seed and the sequence of events.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Account, type Settings, settingsSchema } from '../../../src/shop/sandbox/account.ts'
import { emit, shuffleWaiting } from '../../../src/shop/sandbox/events.ts'
import { openStore, type Store } from '../../../src/shop/sandbox/store.ts'
import { createEndpoint } from '../../../src/shop/sandbox/webhook-endpoints.ts'

const directory = mkdtempSync(join(tmpdir(), 'bulkhead-sandbox-'))
let store: Store
beforeAll(() => {
  store = openStore(join(directory, 'sandbox.sqlite'))
})
afterAll(() => {
  store.close()
  rmSync(directory, { recursive: true, force: true })
})

const COUNT = 12
const NOW_MS = 1_700_000_000_000
let accounts = 0

function newAccount(settings: Partial<Settings>): Account {
  accounts += 1
  const account: Account = {
    id: `acct_${accounts}`,
    store,
    settings: settingsSchema.parse(settings),
    request: { id: null, idempotency_key: null },
    nowMs: NOW_MS + accounts,
    url: 'http://127.0.0.1:9',
  }
  createEndpoint(account, { url: account.url, enabled_events: { 0: '*' } })
  return account
}

/** The numbers of the events, in sending order. */
function orderOf(account: Account): number[] {
  return store.waitingDeliveriesOf(account.id).map(({ event }) => {
    const data = store.find(account.id, event)?.data as { object: { number: number } }
    return data.object.number
  })
}

function emitAll(account: Account): void {
  for (let number = 0; number < COUNT; number += 1) emit(account, 'thing.happened', { number })
}

function shuffled(seed: number, when: 'FROM_THE_START' | 'AFTERWARDS'): number[] {
  const account = newAccount({ webhooks: when === 'AFTERWARDS' ? 'paused' : 'shuffle', seed })
  emitAll(account)
  if (when === 'AFTERWARDS') shuffleWaiting(account)
  return orderOf(account)
}

it('is that of the events when nothing is shuffled', () => {
  const account = newAccount({})
  emitAll(account)
  expect(orderOf(account)).toEqual(Array.from({ length: COUNT }, (_, number) => number))
})

it.each(['FROM_THE_START', 'AFTERWARDS'] as const)(
  'shuffled %s: is another one, with each in it once',
  (when) => {
    const order = shuffled(7, when)
    expect(order).not.toEqual(order.toSorted((one, two) => one - two))
    expect(new Set(order).size).toBe(COUNT)
  },
)

it('is the same for the same seed, for any ids and time, and another for another seed', () => {
  const order = shuffled(7, 'FROM_THE_START')
  expect(shuffled(7, 'FROM_THE_START')).toEqual(order)
  expect(shuffled(7, 'AFTERWARDS')).toEqual(order)
  expect(shuffled(8, 'FROM_THE_START')).not.toEqual(order)
})
