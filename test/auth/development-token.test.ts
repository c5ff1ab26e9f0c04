// The development issuer's tokens and durations, and the rules of an issuer's configuration.
import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import { parseDuration, signDevelopmentToken } from '../../src/auth/development-token.ts'
import { authIssuersSchema, developmentIssuer } from '../../src/auth/token-issuer.ts'
import { createTestClock, refusal, SECRET } from './token-setup.ts'

const clock = createTestClock()
const request = { secret: SECRET, tenant: 'acme', email: 'owner@acme.example', expiresInSeconds: 60, clock }

test('a development token is an ordinary JWT that a library verifies, with every claim', async () => {
  const token = signDevelopmentToken({ ...request, newId: () => 'id-1' })
  await jwtVerify(token, SECRET, { currentDate: clock(), algorithms: ['HS256'], audience: 'bulkhead' })
  expect(decodeProtectedHeader(token)).toEqual({ alg: 'HS256', typ: 'JWT' })
  expect(decodeJwt(token)).toEqual({
    iss: 'urn:bulkhead:development',
    aud: 'bulkhead',
    sub: 'owner@acme.example',
    email: 'owner@acme.example',
    email_verified: true,
    tenant: 'acme',
    iat: clock.seconds(),
    exp: clock.seconds() + 60,
    jti: 'id-1',
  })
})

test('a short secret, and a life out of bounds, are refused', async () => {
  expect(() => developmentIssuer(new Uint8Array(31))).toThrow(/at least 32 bytes/)
  for (const expiresInSeconds of [0, -1, Number.NaN, 31 * 86_400]) {
    expect(await refusal(() => signDevelopmentToken({ ...request, expiresInSeconds }))).toBe('BAD_USER_INPUT')
  }
})

test('durations are seconds, minutes, hours or days, from one second to thirty days', async () => {
  expect(['15s', '30m', '1h', '7d', '30d'].map(parseDuration)).toEqual([15, 1_800, 3_600, 604_800, 2_592_000])
  for (const text of [
    '',
    '0s',
    '1',
    'h',
    '1.5h',
    '-1h',
    '1w',
    ' 1h',
    '1h ',
    '31d',
    '9999999d',
    '1hour',
    '1H',
  ]) {
    expect(await refusal(() => parseDuration(text)), text).toBe('BAD_USER_INPUT')
  }
})

const issuer = {
  issuer: 'https://issuer.example',
  jwksUri: 'https://issuer.example/keys',
  audience: 'shop-api',
  algorithms: ['RS256'],
  tenantClaim: 'tenant',
}

test('the configuration of issuers takes https, and http for loopback', () => {
  const uris = ['https://a.example/keys', 'http://127.0.0.1:9/k', 'http://localhost/k', 'http://[::1]:9/k']
  for (const jwksUri of uris) {
    expect(authIssuersSchema.parse(JSON.stringify([{ ...issuer, jwksUri }]))).toEqual([
      { ...issuer, jwksUri },
    ])
  }
})

const mistakes: [string, unknown][] = [
  ['no JSON', undefined],
  ['no array', issuer],
  ['an unknown setting', [{ ...issuer, audiences: [] }]],
  ['a missing setting', [{ ...issuer, audience: undefined }]],
  ['a symmetric algorithm', [{ ...issuer, algorithms: ['RS256', 'HS256'] }]],
  ['the algorithm none', [{ ...issuer, algorithms: ['none'] }]],
  ['no algorithm', [{ ...issuer, algorithms: [] }]],
  ['plain http', [{ ...issuer, jwksUri: 'http://issuer.example/keys' }]],
  ['http to a name that begins like loopback', [{ ...issuer, jwksUri: 'http://127.0.0.1.example/keys' }]],
  ['a password in the address', [{ ...issuer, jwksUri: 'https://u:p@issuer.example/keys' }]],
  ['a file', [{ ...issuer, jwksUri: 'file:///etc/keys' }]],
  ['the same issuer twice', [issuer, { ...issuer, audience: 'other' }]],
  ['the development issuer', [{ ...issuer, issuer: 'urn:bulkhead:development' }]],
]
test.each(mistakes)('the configuration of issuers refuses %s', (_name, value) => {
  expect(authIssuersSchema.safeParse(JSON.stringify(value) ?? 'not json').success).toBe(false)
})
