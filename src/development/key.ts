// The development issuer's signing key: made once, stored in the data directory.
import { join } from 'node:path'
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import { z } from 'zod'
import { damaged, keptText } from './secret.ts'

export const DEVELOPMENT_ALGORITHM = 'ES256'
const FILE = 'development-issuer-key'

const keySchema = z.object({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string(),
  y: z.string(),
  d: z.string(),
  kid: z.string(),
  alg: z.literal(DEVELOPMENT_ALGORITHM),
  use: z.literal('sig'),
})

/** A private key as a JWK. */
export type DevelopmentKey = z.infer<typeof keySchema>

/**
 * This installation's key; tokens stay valid over a restart. Never call it in production. Throws SERVICE_UNAVAILABLE
 * for a damaged file.
 */
export async function developmentKey(dataDir: string): Promise<DevelopmentKey> {
  const text = await keptText(dataDir, FILE, async () => JSON.stringify(await newDevelopmentKey()))
  try {
    return keySchema.parse(JSON.parse(text))
  } catch {
    throw damaged(join(dataDir, FILE))
  }
}

export async function newDevelopmentKey(): Promise<DevelopmentKey> {
  const { privateKey } = await generateKeyPair(DEVELOPMENT_ALGORITHM, { extractable: true })
  const jwk = await exportJWK(privateKey)
  const kid = await calculateJwkThumbprint(jwk)
  return keySchema.parse({ ...jwk, kid, alg: DEVELOPMENT_ALGORITHM, use: 'sig' })
}
