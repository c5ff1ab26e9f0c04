// API keys in tests: makes them through the API, and sends requests with them over HTTP, from any address.
import { request } from 'node:http'
import { type Authenticator, type Credentials, createAuthenticator } from '../../src/auth/authenticate.ts'
import { createIdentityInvalidation } from '../../src/auth/identity-invalidation.ts'
import { createTokenVerifier } from '../../src/auth/verify-token.ts'
import { type Clock, systemClock } from '../../src/core/clock.ts'
import { createLogger } from '../../src/core/logger.ts'
import type { Api, Data, Session } from './api.ts'
import { unique } from './unique.ts'

export interface MadeKey {
  id: string
  secret: string
}

export const CREATE = `mutation ($input: ApiKeyCreateInput!) {
  apiKeyCreate(input: $input) {
    apiKey { id name hint permissions status createdBy createdAt expiresAt lastUsedAt revokedAt }
    secret
    userErrors { field code message }
  }
}`
export const REVOKE = `mutation ($input: ApiKeyRevokeInput!) {
  apiKeyRevoke(input: $input) { apiKey { id status revokedAt } userErrors { field code message } }
}`

/** A new key, made by the session's caller. */
export async function makeKey(
  session: Session,
  permissions: readonly string[],
  more: { name?: string; expiresAt?: string } = {},
): Promise<MadeKey> {
  const input = { name: unique('Key'), permissions, ...more }
  const { apiKeyCreate } = await session.data(CREATE, { input })
  if (apiKeyCreate.userErrors.length > 0) throw new Error(JSON.stringify(apiKeyCreate.userErrors))
  return { id: apiKeyCreate.apiKey.id, secret: apiKeyCreate.secret }
}

export interface KeyAnswer {
  status: number
  retryAfter: string | undefined
  data: Data
  errors: { message: string; extensions: Record<string, unknown> }[]
}

export interface Asked {
  url: string
  secret: string
  source?: string
  variables?: Record<string, unknown>
  headers?: Record<string, string>
  /** The address of the request: any of the loopback. */
  from?: string
}

/** Sends one operation with a key. */
export function askWithKey({
  url,
  secret,
  source = '{ viewer { permissions } }',
  variables,
  headers,
  from = '127.0.0.1',
}: Asked): Promise<KeyAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}/graphql`,
      {
        method: 'POST',
        localAddress: from,
        headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}`, ...headers },
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part) => {
          text += part
        })
        response.on('end', () => {
          const { data = null, errors = [] } = JSON.parse(text)
          resolve({
            status: response.statusCode ?? 0,
            retryAfter: response.headers['retry-after'],
            data,
            errors,
          })
        })
      },
    )
    sent.on('error', reject)
    sent.end(JSON.stringify({ query: source, variables }))
  })
}

/** The status and code of an answer as one text: `200 OK` without errors. */
export function told({ status, errors }: KeyAnswer): string {
  return `${status} ${errors[0]?.extensions.code ?? 'OK'}`
}

/** A second process on the same database, with caches of its own. `clock`: that of its caches. */
export function elsewhere(api: Pick<Api, 'opened'>, clock: Clock = systemClock): Authenticator {
  const logger = createLogger('silent')
  const verifier = createTokenVerifier({ issuers: [], development: undefined, clock, logger })
  return createAuthenticator({
    verifier,
    database: api.opened,
    sessions: createIdentityInvalidation(),
    clock,
    logger,
    keyMode: 'test',
  })
}

export function sentBy(secret: string, address = '192.0.2.1'): Credentials {
  return { authorization: `Bearer ${secret}`, tenant: undefined, address }
}
