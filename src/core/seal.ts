// Encrypts secrets at rest by AES-256-GCM under the installation's keys, each ciphertext bound to its place; and makes
// HMACs over public data. Pure except for the nonce. The caller stores ciphertexts and macs.
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'

export type MacVerdict = 'GOOD' | 'BAD' | 'KEY_UNKNOWN'

export type Sealer = {
  /** The id of the key that `seal` uses; store it beside the ciphertext. */
  readonly keyId: string
  /** `context` names the place (tenant, row, purpose): a ciphertext moved elsewhere does not open. */
  seal(plaintext: string, context: string): Uint8Array
  /** Throws a plain Error for an unknown key, another context, or an altered ciphertext, without revealing a secret. */
  open(sealed: Uint8Array, keyId: string, context: string): string
  /** An HMAC of the message, by the key of `keyId`, valid only for this `purpose`. */
  mac(message: Uint8Array, purpose: string): Uint8Array
  /** Whether `mac` is the message's mac by that key. */
  checkMac(message: Uint8Array, mac: Uint8Array, keyId: string, purpose: string): MacVerdict
}

/** The key id of a row without secrets, as in a restored tenant. */
export const NO_KEY_ID = 'none'

const CIPHER = 'aes-256-gcm'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const KEY_ID_LENGTH = 12
/** Other uses of the same installation key derive other keys. */
const KEY_INFO = 'bulkhead: secrets at rest'
const MAC_KEY_INFO = 'bulkhead: macs'

/** Seals with `current`; opens what it or a `previous` key sealed. Each key has at least 32 random bytes. */
export function createSealer({
  current,
  previous = [],
}: {
  readonly current: Uint8Array
  readonly previous?: readonly Uint8Array[]
}): Sealer {
  const keys = new Map([...previous, current].map((key) => [idOf(key), derive(key)]))
  const macKeys = new Map([...previous, current].map((key) => [idOf(key), derive(key, MAC_KEY_INFO)]))
  const keyId = idOf(current)
  const currentKey = derive(current)
  return {
    keyId,
    mac: (message, purpose) => hmac(derive(current, MAC_KEY_INFO), message, purpose),
    checkMac(message, mac, macKeyId, purpose) {
      const key = macKeys.get(macKeyId)
      if (key === undefined) return 'KEY_UNKNOWN'
      const due = hmac(key, message, purpose)
      return due.length === mac.length && timingSafeEqual(due, mac) ? 'GOOD' : 'BAD'
    },
    seal(plaintext, context) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(CIPHER, currentKey, nonce, { authTagLength: TAG_BYTES })
      cipher.setAAD(Buffer.from(context))
      const text = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()])
      return new Uint8Array(Buffer.concat([nonce, cipher.getAuthTag(), text]))
    },
    open(sealed, sealingKeyId, context) {
      const key = keys.get(sealingKeyId)
      if (key === undefined) {
        throw new Error(`a secret was sealed with the key ${sealingKeyId}, which is not configured`)
      }
      try {
        const bytes = Buffer.from(sealed)
        const nonce = bytes.subarray(0, NONCE_BYTES)
        const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
        decipher.setAAD(Buffer.from(context))
        decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
        return (
          decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
        )
      } catch {
        throw new Error(`a secret sealed with the key ${sealingKeyId} was altered or moved to another place`)
      }
    },
  }
}

/** Identifies a key without revealing anything of it. */
function idOf(key: Uint8Array): string {
  return createHash('sha256').update('bulkhead: key id').update(key).digest('hex').slice(0, KEY_ID_LENGTH)
}

function derive(key: Uint8Array, info = KEY_INFO): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, new Uint8Array(), info, KEY_BYTES))
}

/** The purpose and its length precede the message, so that the boundary is unambiguous. */
function hmac(key: Uint8Array, message: Uint8Array, purpose: string): Uint8Array {
  const prefix = `${Buffer.byteLength(purpose)}:${purpose}`
  return new Uint8Array(createHmac('sha256', key).update(prefix).update(message).digest())
}
