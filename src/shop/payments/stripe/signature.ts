// Checks the signature of Stripe's events and its time. events.ts reads what is signed.
import { createHmac } from 'node:crypto'
import Stripe from 'stripe'
import type { SignedBody } from '../provider.ts'

/** Between the time of the signature and ours, in either direction. */
const TOLERANCE_SECONDS = 300

/**
 * The library signs text, in which it replaces bytes that are not UTF-8. Signed as bytes, no two bodies share a
 * signature.
 */
const ofBytes: Stripe.CryptoProvider = Object.assign(Stripe.createNodeCryptoProvider(), {
  computeHMACSignature: (latin1: string, secret: string) =>
    createHmac('sha256', secret).update(latin1, 'latin1').digest('hex'),
})

/** Whether one of the secrets signed the body, at about this time. */
export function isSignedByOne(secrets: readonly string[], body: SignedBody): boolean {
  return secrets.some((secret) => isSignedBy(secret, body)) && !isFromTheFuture(body)
}

function isSignedBy(secret: string, { rawBody, signature, now }: SignedBody): boolean {
  try {
    return (
      Stripe.webhooks.signature?.verifyHeader(
        Buffer.from(rawBody).toString('latin1'),
        signature,
        secret,
        TOLERANCE_SECONDS,
        ofBytes,
        now.getTime(),
      ) === true
    )
  } catch {
    // The library throws for a wrong signature, and other errors for malformed headers.
    return false
  }
}

/** The library checks only for times in the past. Of several times, it uses the last one too. */
function isFromTheFuture({ signature, now }: SignedBody): boolean {
  const signedAtSeconds = Number([...signature.matchAll(/(?:^|,)t=(\d+)/g)].at(-1)?.[1])
  return !(signedAtSeconds <= Math.floor(now.getTime() / 1_000) + TOLERANCE_SECONDS)
}
