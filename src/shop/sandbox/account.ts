// One account of the sandbox during one call: its books, its settings, and the ids of what it makes.
import { createHash, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { missing } from './problem.ts'
import type { Store, Stored } from './store.ts'

export const settingsSchema = z.strictObject({
  /** How long what `processes` does so. */
  processingDelayMs: z.int().min(0).max(86_400_000).default(3_000),
  /** How long each call takes before anything is done: its idempotency key is in use meanwhile. */
  latencyMs: z.int().min(0).max(60_000).default(0),
  webhooks: z.enum(['on', 'paused', 'duplicate', 'shuffle', 'delay']).default('on'),
  webhookDelayMs: z.int().min(0).max(86_400_000).default(1_000),
  webhookCopies: z.int().min(1).max(100).default(2),
  /** Of the order in which shuffled webhooks are sent. */
  seed: z.int().min(0).default(1),
})
export type Settings = z.output<typeof settingsSchema>

export type Account = {
  readonly id: string
  readonly store: Store
  readonly settings: Settings
  /** Of the call, for its events. */
  readonly request: { readonly id: string | null; readonly idempotency_key: string | null }
  readonly nowMs: number
  /** Of the sandbox, without a path. */
  readonly url: string
}

const KEY = /^Bearer (sk_test_[A-Za-z0-9]{16,})$/
const ID_BYTES = 12

/** The account that a key opens; every well-formed key has one. Null for what is no test key. */
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

/** Throws Stripe's 404 for what this account has not; `param` names where the id was given, if not in the path. */
export function load(account: Account, kind: string, id: string, param?: string): Stored {
  const found = account.store.find(account.id, id)
  if (found === null || found.object !== kind) throw missing(kind, id, param)
  return found
}

/** The object with these fields changed, saved. */
export function change(account: Account, object: Stored, fields: Record<string, unknown>): Stored {
  const changed = { ...object, ...fields }
  account.store.save(account.id, changed)
  return changed
}
