// One account of the sandbox during one call: its store, its settings, and the ids of new objects.
import { createHash, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { missing } from './problem.ts'
import type { Store, Stored } from './store.ts'

export const settingsSchema = z.strictObject({
  /** How long a processing payment method takes. */
  processingDelayMs: z.int().min(0).max(86_400_000).default(3_000),
  /** The delay before each call is processed; its idempotency key is in use meanwhile. */
  latencyMs: z.int().min(0).max(60_000).default(0),
  webhooks: z.enum(['on', 'paused', 'duplicate', 'shuffle', 'delay']).default('on'),
  webhookDelayMs: z.int().min(0).max(86_400_000).default(1_000),
  webhookCopies: z.int().min(1).max(100).default(2),
  /** The seed of the order of shuffled webhooks. */
  seed: z.int().min(0).default(1),
})
export type Settings = z.output<typeof settingsSchema>

export type Account = {
  readonly id: string
  readonly store: Store
  readonly settings: Settings
  /** The current call, for its events. */
  readonly request: { readonly id: string | null; readonly idempotency_key: string | null }
  readonly nowMs: number
  /** The sandbox's URL, without a path. */
  readonly url: string
}

const KEY = /^Bearer (sk_test_[A-Za-z0-9]{16,})$/
const ID_BYTES = 12

/** The account of a key; every well-formed test key has one. Null for any other text. */
export function accountIdOf(authorization: string | undefined): string | null {
  const key = KEY.exec(authorization ?? '')?.[1]
  return key === undefined ? null : `acct_${createHash('sha256').update(key).digest('hex').slice(0, 16)}`
}

export function makeId(prefix: string): string {
  return `${prefix}_${randomBytes(ID_BYTES).toString('hex')}`
}

export function seconds({ nowMs }: Account): number {
  return Math.floor(nowMs / 1_000)
}

/**
 * Throws Stripe's 404 for an object that the account does not have; `param` names the parameter with the id. Default:
 * the path's.
 */
export function load(account: Account, kind: string, id: string, param?: string): Stored {
  const found = account.store.find(account.id, id)
  if (found === null || found.object !== kind) throw missing(kind, id, param)
  return found
}

/** Saves the object with these fields changed, and returns it. */
export function change(account: Account, object: Stored, fields: Record<string, unknown>): Stored {
  const changed = { ...object, ...fields }
  account.store.save(account.id, changed)
  return changed
}
