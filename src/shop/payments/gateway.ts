// Calls payment providers by Stripe's library, pointed at Stripe or at the sandbox.
import { LRUCache } from 'lru-cache'
import Stripe from 'stripe'
import { ZodError } from 'zod'
import { AppError } from '../../core/errors.ts'
import type { AccountSecrets, ProviderGateway } from './provider.ts'
import { stripeAccount } from './stripe/account.ts'
import { EVENT_TYPES, readEventBody, readSignedEvent } from './stripe/events.ts'
import { accountSchema, endpointSchema, shown } from './stripe/objects.ts'
import { reasonOf } from './stripe/verdicts.ts'

/**
 * Counted twice, since the library sends again when a connection is cut: two calls still fit into one attempt
 * (ATTEMPT_MS).
 */
const CALL_TIMEOUT_MS = 14_000
/** Each client holds its own connection pool, so their number is bounded. */
const CLIENTS_MAX = 1_000

type Kind = AccountSecrets['kind']

const KEY_FORMATS: Readonly<Record<Kind, RegExp>> = {
  STRIPE: /^(sk|rk)_(test|live)_\w{8,}$/,
  SANDBOX: /^sk_test_\w{16,}$/,
}

const TOO_RESTRICTED =
  'is too restricted: it has to read its account, take and refund payments, and make webhook endpoints'

/**
 * `sandboxUrl` null: there is no sandbox. `stripeUrl` replaces Stripe's own address, for tests. Makes no call at
 * creation.
 */
export function createGateway({
  sandboxUrl,
  stripeUrl,
  timeoutMs = CALL_TIMEOUT_MS,
}: {
  readonly sandboxUrl: string | null
  readonly stripeUrl?: string
  readonly timeoutMs?: number
}): ProviderGateway {
  const clients = new LRUCache<string, Stripe>({ max: CLIENTS_MAX })

  function clientOf(kind: Kind, secretKey: string): Stripe {
    const key = `${kind} ${secretKey}`
    const known = clients.get(key)
    if (known !== undefined) return known
    const client = new Stripe(secretKey, {
      // Retries are ours: each must be recorded before it is made.
      maxNetworkRetries: 0,
      timeout: timeoutMs,
      telemetry: false,
      ...(kind === 'SANDBOX' && addressOf(sandboxUrl)),
      ...(kind === 'STRIPE' && stripeUrl !== undefined && addressOf(stripeUrl)),
    })
    clients.set(key, client)
    return client
  }

  async function ask<T>(kind: Kind, secretKey: string, call: (stripe: Stripe) => Promise<T>): Promise<T> {
    if (!KEY_FORMATS[kind].test(secretKey)) throw refusedKey('opens no account')
    try {
      return await call(clientOf(kind, secretKey))
    } catch (error) {
      if (error instanceof Stripe.errors.StripeAuthenticationError) throw refusedKey('opens no account')
      if (error instanceof Stripe.errors.StripePermissionError) throw refusedKey(TOO_RESTRICTED)
      if (!(error instanceof Stripe.errors.StripeError) && !(error instanceof ZodError)) throw error
      const message = `the payment provider cannot be asked: ${reasonOf(error)}`
      throw new AppError('SERVICE_UNAVAILABLE', message, {}, { cause: error })
    }
  }

  return {
    hasSandbox: sandboxUrl !== null,
    open: ({ kind, secretKey }) => stripeAccount(clientOf(kind, secretKey)),
    readEvent: readSignedEvent,
    readStoredEvent: readEventBody,
    examine: (kind, secretKey) =>
      ask(kind, secretKey, async (stripe) => {
        const account = accountSchema.parse(await stripe.accounts.retrieveCurrent())
        const { dashboard } = account.settings ?? {}
        return {
          reference: account.id,
          name: dashboard?.display_name ?? account.business_profile?.name ?? '',
          liveMode: isLive(secretKey),
        }
      }),
    subscribe: (kind, secretKey, url) =>
      ask(kind, secretKey, async (stripe) => {
        try {
          const endpoint = await stripe.webhookEndpoints.create({
            url,
            enabled_events: [...EVENT_TYPES],
            // Default: the account's own version, which may be years older than what is read here.
            api_version: Stripe.API_VERSION,
            description: 'Bulkhead',
          })
          const { id: reference, secret: webhookSecret } = endpointSchema.parse(endpoint)
          return { reference, webhookSecret }
        } catch (error) {
          if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) throw error
          return { reference: null, reason: shown(error.message) }
        }
      }),
    moveSubscription: (kind, secretKey, endpointReference, url) =>
      ask(kind, secretKey, async (stripe) => {
        await stripe.webhookEndpoints.update(endpointReference, { url, enabled_events: [...EVENT_TYPES] })
      }),
    unsubscribe: (kind, secretKey, endpointReference) =>
      ask(kind, secretKey, async (stripe) => {
        try {
          await stripe.webhookEndpoints.del(endpointReference)
        } catch (error) {
          if (error instanceof Stripe.errors.StripeInvalidRequestError && error.statusCode === 404) return
          throw error
        }
      }),
  }
}

function addressOf(url: string | null): { host: string; port: string; protocol: 'http' } {
  if (url === null) throw new AppError('SERVICE_UNAVAILABLE', 'there is no sandbox here')
  const { hostname, port } = new URL(url)
  // Default: the library takes the port of HTTPS.
  return { host: hostname, port: port || '80', protocol: 'http' }
}

function isLive(secretKey: string): boolean {
  return /^.k_live_/.test(secretKey)
}

function refusedKey(why: string): AppError {
  return new AppError('BAD_USER_INPUT', `the key ${why}`)
}
