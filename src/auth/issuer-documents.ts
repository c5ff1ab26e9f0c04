// Fetches what an issuer publishes: its OpenID discovery document and its key set, bounded in size and time. Caches
// nothing.
import { createLocalJWKSet, type LocalJWKSet } from 'jose'
import { z } from 'zod'
import { isLoopbackName } from '../core/loopback.ts'
import { isSafeKeyAddress } from './token-issuer.ts'

/** Large issuers publish a few kilobytes, some tens with certificate chains. */
export const DOCUMENT_BYTES_MAX = 256 * 1_024
const KEYS_MAX = 100
const WELL_KNOWN = '/.well-known/openid-configuration'

const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.string() })
const keySetSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(KEYS_MAX) })

/** How documents are fetched: one signal aborts all fetches of a renewal. */
export type Reading = { readonly fetch: typeof globalThis.fetch; readonly signal: AbortSignal }

/**
 * The key set's URL in an issuer's discovery document. Throws when the document is of another issuer, or names a URL
 * that is not allowed.
 */
export async function discoverKeySet(issuer: string, reading: Reading): Promise<string> {
  const body = await readText(`${issuer.replace(/\/$/, '')}${WELL_KNOWN}`, reading)
  const { issuer: named, jwks_uri: jwksUri } = discoverySchema.parse(JSON.parse(body))
  // Otherwise the server of one issuer's document could impersonate another (OpenID Connect Discovery 1.0, 4.3).
  if (named !== issuer) throw new Error(`the discovery document is of another issuer: ${named}`)
  if (!isSafeKeyAddress(jwksUri) || isFarSentHere(issuer, jwksUri)) {
    throw new Error(`the discovery document names a key address that is not allowed: ${jwksUri}`)
  }
  return jwksUri
}

/** A remote issuer must not name a URL on this machine. */
function isFarSentHere(issuer: string, jwksUri: string): boolean {
  return isLoopbackName(new URL(jwksUri).hostname) && !isLoopbackName(new URL(issuer).hostname)
}

/** The text of a key set. */
export function readKeySet(jwksUri: string, reading: Reading): Promise<string> {
  return readText(jwksUri, reading)
}

/** Throws for text that is not a key set. */
export function parseKeySet(text: string): LocalJWKSet {
  return createLocalJWKSet(keySetSchema.parse(JSON.parse(text)))
}

/** The body of a 200, under the size limit. Redirects fail, since the URL is configured or published as final. */
async function readText(url: string, { fetch, signal }: Reading): Promise<string> {
  const response = await fetch(url, {
    redirect: 'error',
    signal,
    headers: { accept: 'application/jwk-set+json, application/json' },
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`${url} answered ${response.status}`)
  }
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of response.body ?? []) {
    sizeBytes += chunk.byteLength
    if (sizeBytes > DOCUMENT_BYTES_MAX) throw new Error(`${url} is over ${DOCUMENT_BYTES_MAX} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
