// An API key as text.
import { describe, expect, it } from 'vitest'
import { looksLikeApiKey, newApiKey, readApiKey } from '../../../src/core/api-key.ts'
import { newId } from '../../../src/core/ids.ts'
import { KEY_STATUSES, statusOf } from '../../../src/desk/keys/api-key.ts'

const tenantId = newId()

describe.each(['live', 'test'] as const)('a %s key', (mode) => {
  const made = newApiKey(mode, tenantId)

  it('states its mode and its tenant', () => {
    expect(made.secret).toMatch(new RegExp(`^bk_${mode}_[0-9a-z]{82}$`))
    expect(looksLikeApiKey(made.secret)).toBe(true)
    expect(readApiKey(made.secret)).toEqual({ mode, tenantId, hash: made.hash })
    expect(made.hint).toBe(made.secret.slice(-4))
    expect(made.hash).toHaveLength(32)
  })

  it('is never made twice', () => {
    const secrets = Array.from({ length: 1_000 }, () => newApiKey(mode, tenantId).secret)
    expect(new Set(secrets).size).toBe(1_000)
  })

  it('is invalid with any one character altered', () => {
    for (let place = 0; place < made.secret.length; place += 1) {
      const other = made.secret[place] === '7' ? '8' : '7'
      expect(readApiKey(made.secret.slice(0, place) + other + made.secret.slice(place + 1))).toBeNull()
    }
  })

  it.each([
    ['with something after it', (secret: string) => `${secret}0`],
    ['with its end missing', (secret: string) => secret.slice(0, -1)],
    ['in capitals', (secret: string) => secret.toUpperCase()],
    [
      'of the other mode',
      (secret: string) => secret.replace(/^bk_\w{4}_/, `bk_${mode === 'live' ? 'test' : 'live'}_`),
    ],
    ['of no mode', (secret: string) => secret.replace(/^bk_\w{4}_/, 'bk_')],
  ])('%s is none', (_how, altered) => {
    expect(readApiKey(altered(made.secret))).toBeNull()
  })
})

it('a text of megabytes is refused quickly', () => {
  const before = performance.now()
  expect(readApiKey(`bk_test_${'0'.repeat(5_000_000)}`)).toBeNull()
  expect(performance.now() - before).toBeLessThan(200)
})

it('a key is active until it expires, and revoked takes precedence', () => {
  const now = new Date('2030-01-01T00:00:00Z')
  const status = (revokedAt: Date | null, expiresAt: Date | null) => statusOf({ revokedAt, expiresAt }, now)
  expect(status(null, null)).toBe('ACTIVE')
  expect(status(null, new Date(now.getTime() + 1))).toBe('ACTIVE')
  expect(status(null, now)).toBe('EXPIRED')
  expect(status(now, new Date(0))).toBe('REVOKED')
  expect(KEY_STATUSES).toEqual(['ACTIVE', 'EXPIRED', 'REVOKED'])
})
