// Secrets at rest: they open only with the right key, in the right place, unaltered.
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSealer } from '../../../../src/core/seal.ts'

const SECRET = 'sk_test_4eC39HqLyjWDarjtT1zdp7dc'
const PLACE = 'tenant/row/secret key'
const key = (byte: number) => new Uint8Array(32).fill(byte)
const sealer = createSealer({ current: key(1) })

/** The thrown error as text, with its causes. */
function failureOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof Error)
      return `${error.stack} ${JSON.stringify(error, Object.getOwnPropertyNames(error))}`
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('a sealed secret', () => {
  it('opens in its place, with any content', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (secret, place) => {
        expect(sealer.open(sealer.seal(secret, place), sealer.keyId, place)).toBe(secret)
      }),
    )
  })

  it('does not show the secret, nor that two are the same', () => {
    const [one, two] = [sealer.seal(SECRET, PLACE), sealer.seal(SECRET, PLACE)]
    expect(Buffer.from(one).includes(SECRET)).toBe(false)
    expect(Buffer.from(one).equals(Buffer.from(two))).toBe(false)
    // Not even the nonce.
    expect(Buffer.from(one).subarray(0, 12).equals(Buffer.from(two).subarray(0, 12))).toBe(false)
  })

  it('does not open in another place', () => {
    const sealed = sealer.seal(SECRET, PLACE)
    for (const place of ['', 'tenant/row/webhook secret', 'other/row/secret key', `${PLACE} `]) {
      expect(failureOf(() => sealer.open(sealed, sealer.keyId, place))).toMatch(/was altered or moved/)
    }
  })

  it('does not open with any bit altered, or any byte missing', () => {
    const sealed = sealer.seal(SECRET, PLACE)
    for (let index = 0; index < sealed.length; index += 1) {
      const altered = Uint8Array.from(sealed)
      altered[index] = (altered[index] ?? 0) ^ 1
      expect(() => sealer.open(altered, sealer.keyId, PLACE)).toThrow(/was altered/)
      expect(() => sealer.open(sealed.subarray(0, index), sealer.keyId, PLACE)).toThrow(/was altered/)
    }
  })
})

describe('keys', () => {
  it('have different ids, which stay the same after a restart', () => {
    expect(sealer.keyId).toMatch(/^[0-9a-f]{12}$/)
    expect(createSealer({ current: key(1) }).keyId).toBe(sealer.keyId)
    expect(createSealer({ current: key(2) }).keyId).not.toBe(sealer.keyId)
  })

  it('that are previous ones open what they sealed; new seals do not need them', () => {
    const sealed = sealer.seal(SECRET, PLACE)
    const rotated = createSealer({ current: key(2), previous: [key(3), key(1)] })
    expect(rotated.open(sealed, sealer.keyId, PLACE)).toBe(SECRET)
    expect(createSealer({ current: key(2) }).open(rotated.seal(SECRET, PLACE), rotated.keyId, PLACE)).toBe(
      SECRET,
    )
  })

  it('that are not configured are named, and neither they nor the secret are revealed', () => {
    const current = randomBytes(32)
    const other = createSealer({ current })
    const sealed = other.seal(SECRET, PLACE)
    const failures = [
      failureOf(() => sealer.open(sealed, other.keyId, PLACE)),
      failureOf(() => sealer.open(sealed, sealer.keyId, PLACE)),
      failureOf(() => other.open(sealed, other.keyId, 'elsewhere')),
    ]
    expect(failures[0]).toContain(`the key ${other.keyId}, which is not configured`)
    expect(failures[1]).toContain(`the key ${sealer.keyId} was altered`)
    for (const failure of failures) {
      expect(failure).not.toContain(SECRET)
      for (const encoding of ['hex', 'base64'] as const) {
        expect(failure).not.toContain(current.toString(encoding))
        expect(failure).not.toContain(Buffer.from(sealed).toString(encoding))
      }
    }
  })

  it('a ciphertext under another configured key’s id does not open', () => {
    const both = createSealer({ current: key(2), previous: [key(1)] })
    expect(() => both.open(sealer.seal(SECRET, PLACE), both.keyId, PLACE)).toThrow(/was altered/)
  })
})
