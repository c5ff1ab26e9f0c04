// The text format of API keys: makes new keys and parses presented ones. Pure except for randomness. The database knows
// a key's permissions and whether it is valid.
import { createHash, randomBytes } from 'node:crypto'
import { decodeId, encodeId } from './ids.ts'

/** `live` keys are made and accepted with `NODE_ENV=production`, `test` keys by every other installation. */
export type KeyMode = 'live' | 'test'

export type NewApiKey = {
  /** Shown once and not stored. */
  readonly secret: string
  /** SHA-256 of the whole text: 192 random bits need no slow hash. */
  readonly hash: Uint8Array
  /** The last characters, to distinguish keys. */
  readonly hint: string
}

export type ReadApiKey = { readonly mode: KeyMode; readonly tenantId: string; readonly hash: Uint8Array }

const PREFIX = 'bk'
const RANDOM_BYTES = 24
const CHECKSUM_LENGTH = 8
const HINT_LENGTH = 4
const FORMAT = /^(bk_(?:live|test)_[0-9a-z]{26})([0-9a-f]{48})([0-9a-f]{8})$/

/** `bk_live_`, the tenant (so that the key is looked up only there), the secret, and a checksum. */
export function newApiKey(mode: KeyMode, tenantId: string): NewApiKey {
  const body = encodeId(`${PREFIX}_${mode}`, tenantId) + randomBytes(RANDOM_BYTES).toString('hex')
  const secret = body + checksumOf(body)
  return { secret, hash: hashOf(secret), hint: secret.slice(-HINT_LENGTH) }
}

/** Whether a credential is meant to be an API key, well-formed or not. */
export function looksLikeApiKey(text: string): boolean {
  return text.startsWith(`${PREFIX}_`)
}

/** Null for text that cannot be a key, so that typing errors and guesses cost no database query. */
export function readApiKey(text: string): ReadApiKey | null {
  const [, head = '', random = '', checksum] = FORMAT.exec(text) ?? []
  if (checksum === undefined || checksumOf(head + random) !== checksum) return null
  const decoded = decodeId(head)
  if (decoded === null) return null
  return {
    mode: head.startsWith(`${PREFIX}_live_`) ? 'live' : 'test',
    tenantId: decoded.uuid,
    hash: hashOf(text),
  }
}

function hashOf(secret: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(secret).digest())
}

/** Detects typing errors, and keeps guesses from the database; it is no secret. */
function checksumOf(body: string): string {
  return createHash('sha256').update(`bulkhead api key: ${body}`).digest('hex').slice(0, CHECKSUM_LENGTH)
}
