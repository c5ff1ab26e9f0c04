// A merchant with an account at a sandbox: Stripe's library, the sandbox's controls, and plain HTTP.

import { randomBytes } from 'node:crypto'
import Stripe from 'stripe'
import { sandboxUrl } from '../support/sandbox-url.ts'

export interface Merchant {
  stripe: Stripe
  secretKey: string
  /** Sends a control, or reads one without a body; returns the answer. Throws for a refusal. */
  control<T = Record<string, unknown>>(path: string, body?: object): Promise<T>
  /** A raw HTTP call, without the library. */
  send(method: 'GET' | 'POST', path: string, more?: { form?: Form; key?: string }): Promise<Response>
}

type Form = Record<string, string>

const TIMEOUT_MS = 10_000

export function newMerchant(url: string = sandboxUrl()): Merchant {
  return merchantWith(`sk_test_${randomBytes(16).toString('hex')}`, url)
}

/** The same account again, by its key. */
export function merchantWith(secretKey: string, url: string = sandboxUrl()): Merchant {
  const { hostname, port } = new URL(url)
  const authorization = `Bearer ${secretKey}`
  return {
    secretKey,
    stripe: new Stripe(secretKey, {
      host: hostname,
      port,
      protocol: 'http',
      maxNetworkRetries: 0,
      timeout: TIMEOUT_MS,
      telemetry: false,
    }),
    async control<T>(path: string, body?: object) {
      const response = await fetch(`${url}/_sandbox/${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
      return (await response.json()) as T
    },
    send(method, path, { form, key } = {}) {
      return fetch(`${url}/v1/${path}`, {
        method,
        headers: { authorization, ...(key !== undefined && { 'idempotency-key': key }) },
        ...(form !== undefined && { body: new URLSearchParams(form) }),
      })
    },
  }
}

/** A charge of 20 dollars that is confirmed at once. */
export function charged(
  more: Partial<Stripe.PaymentIntentCreateParams> = {},
): Stripe.PaymentIntentCreateParams {
  return { amount: 2_000, currency: 'usd', payment_method: 'pm_card_visa', confirm: true, ...more }
}

/** The error of a call; throws when it succeeds. */
export async function errorOf(
  call: Promise<unknown>,
): Promise<InstanceType<typeof Stripe.errors.StripeError>> {
  try {
    await call
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError) return error
    throw error
  }
  throw new Error('the call succeeded')
}
