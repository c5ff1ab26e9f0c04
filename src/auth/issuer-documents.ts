// What an issuer publishes, read over the network: its OpenID discovery document and its key set. Bounded in size and
// time. Keeps nothing.
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

/** How documents are read: one signal ends all that one renewal asks for. */
export type Reading = { readonly fetch: typeof globalThis.fetch; readonly signal: AbortSignal }

/**
 * Where an issuer's discovery document says that its keys are. Throws when the document is another issuer's, or names
 * an address from which no keys are read.
 */
export async function discoverKeySet(issuer: string, reading: Reading): Promise<string> {
  const body = await readText(`${issuer.replace(/\/$/, '')}${WELL_KNOWN}`, reading)
  const { issuer: named, jwks_uri: jwksUri } = discoverySchema.parse(JSON.parse(body))
  // Without this, whoever serves one issuer's document could stand in for another (OpenID Connect Discovery 1.0, 4.3).
  if (named !== issuer) throw new Error(`the discovery document is of another issuer: ${named}`)
  if (!isSafeKeyAddress(jwksUri) || isFarSentHere(issuer, jwksUri)) {
    throw new Error(`the discovery document names an address that keys are not read from: ${jwksUri}`)
  }
  return jwksUri
}

/** An issuer elsewhere has no business with what listens on this machine. */
function isFarSentHere(issuer: string, jwksUri: string): boolean {
  return isLoopbackName(new URL(jwksUri).hostname) && !isLoopbackName(new URL(issuer).hostname)
}

/** The text of a key set. */
export function readKeySet(jwksUri: string, reading: Reading): Promise<string> {
  return readText(jwksUri, reading)
}

/** Throws for what is no key set. */
export function parseKeySet(text: string): LocalJWKSet {
  return createLocalJWKSet(keySetSchema.parse(JSON.parse(text)))
}

/** The body of a 200, under the size limit. Redirects fail: the address is configured, or published as the one. */
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
