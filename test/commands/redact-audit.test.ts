// What the audit redacts, and what it must not.
import { expect, it } from 'vitest'
import { REDACTED, redact } from '../../src/commands/redact-audit.ts'
import { newApiKey } from '../../src/core/api-key.ts'
import { newId } from '../../src/core/ids.ts'

it.each([
  'secret',
  'webhookSecret',
  'clientSecretKey',
  'password',
  'token',
  'refreshToken',
  'tokenHash',
  'hash',
  'apiKey',
  'private_key',
  'signingKey',
  'credentials',
  'authorization',
])('redacts a field named %s', (name) => {
  expect(redact({ [name]: 'anything' })).toEqual({ [name]: REDACTED })
  expect(redact({ [name]: { nested: 'anything' } })).toEqual({ [name]: REDACTED })
})

it('keeps that there was none: a secret that was set for the first time shows as such', () => {
  expect(redact({ secret: null })).toEqual({ secret: null })
})

it.each([
  'tokenId',
  'apiKeyId',
  'sealingKeyId',
  'secretSetAt',
  'apiKeyHint',
  'hint',
  'keyId',
  'name',
  'paymentMethod',
])('keeps a field named %s, which holds none', (name) => {
  expect(redact({ [name]: 'kept' })).toEqual({ [name]: 'kept' })
})

it.each([
  newApiKey('live', newId()).secret,
  newApiKey('test', newId()).secret,
  'sk_live_51HabcdefghIJKL',
  'rk_test_51Habcdefgh',
  'whsec_5f2c9a+/=',
  'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl',
  '-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----',
])('redacts what has the form of a secret, wherever it stands: %s', (secret) => {
  expect(redact({ note: `see ${secret} here`, list: [{ deep: secret }] })).toEqual({
    note: `see ${REDACTED} here`,
    list: [{ deep: REDACTED }],
  })
})

it('leaves everything else as it is', () => {
  const fields = { title: 'Desk', quantity: 3, on: true, gone: null, tags: ['a', 'b'], at: { city: 'Oslo' } }
  expect(redact(fields)).toEqual(fields)
  expect(redact(null)).toBeNull()
})

it.each([
  'eyJ-',
  'eyJaaaaaaaa.',
  '-----BEGIN ',
  '-----BEGIN PRIVATE KEY-----',
  '-----END PRIVATE ',
  'sk_live_',
  'whsec_',
])('reads a text of 256 KiB that is made of %s in no time', (part) => {
  const startMs = performance.now()
  redact({ text: part.repeat(Math.ceil(262_144 / part.length)) })
  expect(performance.now() - startMs).toBeLessThan(1_000)
})
