// Which tokens are accepted, and which attacks are refused (cases 29, 30, 31).
import { createHmac, createSecretKey } from 'node:crypto'
import fc from 'fast-check'
import { exportSPKI, importJWK, SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { signDevelopmentToken, signHs256 } from '../../src/auth/development-token.ts'
import { checkClaims, TOKEN_LENGTH_MAX } from '../../src/auth/token-claims.ts'
import { DEVELOPMENT_ISSUER } from '../../src/auth/token-issuer.ts'
import { type KeyServer, startKeyServer } from './key-server.ts'
import {
  compact,
  createSigningKey,
  createTestClock,
  createVerifier,
  ISSUER,
  refusal,
  SECRET,
  type SigningKey,
  sign,
  type TestClock,
  validClaims,
} from './token-setup.ts'

let server: KeyServer
let trap: KeyServer
let rsa: SigningKey
let keys: SigningKey[]
let clock: TestClock
let verifier: ReturnType<typeof createVerifier>

beforeAll(async () => {
  server = await startKeyServer()
  trap = await startKeyServer()
  keys = await Promise.all([
    createSigningKey('RS256', 'rsa'),
    createSigningKey('ES256', 'ec'),
    createSigningKey('EdDSA', 'ed'),
  ])
  rsa = keys[0] ?? expect.fail('no key')
  server.publish(keys.map((key) => key.jwk))
})

afterAll(() => Promise.all([server.stop(), trap.stop()]))

beforeEach(() => {
  clock = createTestClock()
  verifier = createVerifier(server.url, clock)
})

const refusalOf = (token: string) => refusal(() => verifier.verify(token))

function developmentToken(more: { secret?: Uint8Array; expiresInSeconds?: number } = {}) {
  return signDevelopmentToken({
    secret: SECRET,
    tenant: 'acme',
    email: 'owner@acme.example',
    expiresInSeconds: 3_600,
    clock,
    ...more,
  })
}

/** A validly signed development token with any claims. */
function developmentTokenOf(claims: object, header: object = { alg: 'HS256' }) {
  const base = {
    iss: DEVELOPMENT_ISSUER,
    aud: 'bulkhead',
    sub: 'a',
    tenant: 'acme',
    exp: clock.seconds() + 60,
  }
  return compact(header, { ...base, ...claims }, (input) => signHs256(input, createSecretKey(SECRET)))
}

describe('a valid token', () => {
  test('of each kind of public key gives its claims, and the second time at once', async () => {
    for (const key of keys) {
      const claims = validClaims(clock)
      const token = await sign(key, clock, claims)
      const verified = verifier.verify(token)
      expect(verified).toBeInstanceOf(Promise)
      expect(await verified).toEqual({
        issuer: ISSUER,
        subject: 'user-1',
        tenant: 'acme',
        tenants: null,
        isSupport: false,
        email: 'owner@acme.example',
        withoutEmail: null,
        tokenId: claims.jti,
        expiresAt: new Date((clock.seconds() + 7_200) * 1_000),
      })
      expect(verifier.verify(token)).toBe(await verified)
    }
  })

  test('of the development issuer gives its claims at once', () => {
    expect(verifier.verify(developmentToken())).toMatchObject({
      issuer: DEVELOPMENT_ISSUER,
      subject: 'owner@acme.example',
      tenant: 'acme',
      email: 'owner@acme.example',
      expiresAt: new Date((clock.seconds() + 3_600) * 1_000),
    })
  })

  test('may be typed at+jwt or not at all, hold several audiences, and lack e-mail and jti', async () => {
    for (const typ of ['JWT', 'at+jwt', 'application/at+jwt', undefined]) {
      const token = await sign(
        rsa,
        clock,
        { aud: ['other', 'shop-api'], email: undefined, jti: undefined },
        typ === undefined ? { typ: undefined as never } : { typ }, // leaves the header out
      )
      expect(await verifier.verify(token)).toMatchObject({ email: null, tokenId: null })
    }
  })

  test('does not lend an e-mail that its issuer does not call verified, unless its setting says that all are', async () => {
    const lent = async (of: typeof verifier, email_verified: unknown) => {
      const { email, withoutEmail } = await of.verify(await sign(rsa, clock, { email_verified }))
      return email ?? withoutEmail
    }
    for (const email_verified of [false, 'false', null, undefined])
      expect(await lent(verifier, email_verified)).toBe('UNVERIFIED')
    for (const email_verified of [true, 'true'])
      expect(await lent(verifier, email_verified)).toBe('owner@acme.example')
    const trusting = createVerifier(server.url, clock, { config: { requireVerifiedEmail: false } })
    for (const email_verified of [true, 'true', null, undefined])
      expect(await lent(trusting, email_verified)).toBe('owner@acme.example')
    for (const email_verified of [false, 'false'])
      expect(await lent(trusting, email_verified)).toBe('UNVERIFIED')
  })

  test('lends the e-mail in the one form, and none that is no address', async () => {
    const lent = async (email: string) => {
      const claims = await verifier.verify(await sign(rsa, clock, { email }))
      return claims.email ?? claims.withoutEmail
    }
    expect(await lent('Admin@ACME.example')).toBe('admin@acme.example')
    expect(await lent('admİn@acme.example')).toBe('admİn@acme.example')
    expect(await lent('jo\u0308rg@acme.example')).toBe('jörg@acme.example')
    for (const email of [
      '+49 30 1234',
      'admin\u200B@acme.example',
      'admin @acme.example',
      '\u202Eadmin@acme.example',
    ])
      expect(await lent(email)).toBe('NO_ADDRESS')
  })
})

describe('case 29: a token that brings its own rules', () => {
  test('case 29: alg none is refused, in any spelling, signed or not', async () => {
    for (const alg of ['none', 'None', 'NONE', '']) {
      for (const signature of ['', 'AAAA']) {
        expect(await refusalOf(compact({ alg }, validClaims(clock), signature))).toBe(
          'UNAUTHENTICATED algorithm',
        )
      }
      expect(await refusalOf(developmentTokenOf({}, { alg }))).toBe('UNAUTHENTICATED algorithm')
    }
  })

  test("case 29: HS256 signed with the issuer's RSA public key is refused", async () => {
    const publicKey = await importJWK(rsa.jwk, 'RS256')
    if (publicKey instanceof Uint8Array) expect.fail('an RSA key is no byte string')
    const pem = await exportSPKI(publicKey)
    for (const secret of [pem, pem.trim(), JSON.stringify(rsa.jwk), String(rsa.jwk.n)]) {
      const token = compact({ alg: 'HS256', kid: 'rsa' }, validClaims(clock), (input) =>
        createHmac('sha256', secret).update(input).digest('base64url'),
      )
      expect(await refusalOf(token)).toBe('UNAUTHENTICATED algorithm')
    }
  })

  test("case 29: an algorithm off the issuer's list is refused, though the key be right", async () => {
    const onlyEc = createVerifier(server.url, clock, { config: { algorithms: ['ES256'] } })
    const token = await sign(rsa, clock)
    expect(await refusal(() => onlyEc.verify(token))).toBe('UNAUTHENTICATED algorithm')
    // The header names an algorithm of the list, for a key of another kind.
    const confused = await sign(rsa, clock, {}, { kid: 'ec' })
    expect(await refusalOf(confused)).toBe('UNAUTHENTICATED key')
  })

  test('case 29: jwk, jku, x5u and x5c headers are refused, and nothing is fetched', async () => {
    const own = await createSigningKey('RS256', 'own')
    trap.publish([own.jwk])
    for (const header of [
      { jku: trap.url },
      { x5u: trap.url },
      { jwk: own.jwk },
      { x5c: ['MIIB'] },
      { jku: trap.url, kid: 'rsa' },
    ]) {
      expect(await refusalOf(await sign(own, clock, {}, header))).toBe('UNAUTHENTICATED header')
      expect(await refusalOf(await sign(rsa, clock, {}, header))).toBe('UNAUTHENTICATED header')
      expect(await refusalOf(developmentTokenOf({}, { alg: 'HS256', ...header }))).toBe(
        'UNAUTHENTICATED header',
      )
    }
    expect(trap.requests).toBe(0)
  })

  test('case 29: a kid that is an address or a path fetches nothing', async () => {
    for (const kid of [trap.url, '../../etc/passwd', "' or 1=1 --"]) {
      expect(await refusalOf(await sign(rsa, clock, {}, { kid }))).toBe('UNAUTHENTICATED key')
    }
    expect(trap.requests).toBe(0)
  })

  test('case 29: any crit header is refused, known to a library or not', async () => {
    for (const header of [{ crit: ['exp'], exp: 1 }, { crit: ['b64'], b64: true }, { crit: [] }]) {
      expect(await refusalOf(developmentTokenOf({}, { alg: 'HS256', ...header }))).toBe(
        'UNAUTHENTICATED header',
      )
      const token = compact({ alg: 'RS256', kid: 'rsa', ...header }, validClaims(clock), 'AAAA')
      expect(await refusalOf(token)).toBe('UNAUTHENTICATED header')
    }
  })

  test('case 29: another key under the right kid is refused', async () => {
    const stranger = await createSigningKey('RS256', 'rsa')
    expect(await refusalOf(await sign(stranger, clock))).toBe('UNAUTHENTICATED signature')
    const secret = new TextEncoder().encode('another secret of thirty-two bytes or so')
    expect(await refusalOf(developmentToken({ secret }))).toBe('UNAUTHENTICATED signature')
  })

  test('case 29: the development issuer does not exist unless it is configured, nor does it take public keys', async () => {
    const production = createVerifier(server.url, clock, { development: false })
    expect(await refusal(() => production.verify(developmentToken()))).toBe('UNAUTHENTICATED issuer')
    expect(await refusalOf(await sign(rsa, clock, { iss: DEVELOPMENT_ISSUER }))).toBe(
      'UNAUTHENTICATED algorithm',
    )
  })
})

describe('case 30: a token for another place or time', () => {
  const wrong: [string, Record<string, unknown>, string][] = [
    ['issuer unknown', { iss: 'https://evil.example' }, 'issuer'],
    ['issuer with a slash more', { iss: `${ISSUER}/` }, 'issuer'],
    ['issuer absent', { iss: undefined }, 'issuer'],
    ['issuer not a string', { iss: [ISSUER] }, 'issuer'],
    ['audience of another service', { aud: 'other' }, 'audience'],
    ['audience that only contains ours', { aud: 'shop-api-2' }, 'audience'],
    ['audiences without ours', { aud: ['a', 'b'] }, 'audience'],
    ['audiences of none', { aud: [] }, 'audience'],
    ['audience absent', { aud: undefined }, 'audience'],
    ['exp absent', { exp: undefined }, 'claims'],
    ['exp not a number', { exp: '9999999999' }, 'claims'],
    ['exp beyond any date', { exp: 1e300 }, 'claims'],
    ['subject absent', { sub: undefined }, 'claims'],
    ['subject empty', { sub: '' }, 'claims'],
    ['subject too long', { sub: 'x'.repeat(256) }, 'claims'],
    ['subject with a NUL', { sub: 'a\0b' }, 'claims'],
    ['subject with a lone surrogate', { sub: 'a\ud800' }, 'claims'],
    ['e-mail not a string', { email: ['a@b.example'] }, 'claims'],
    ['email_verified not a boolean', { email_verified: 0 }, 'claims'],
  ]
  test.each(wrong)('case 30: %s is refused', async (_name, claims, reason) => {
    expect(await refusalOf(await sign(rsa, clock, claims))).toBe(`UNAUTHENTICATED ${reason}`)
  })

  test('case 30: the same checks hold for development tokens', async () => {
    expect(await refusalOf(developmentTokenOf({ exp: undefined }))).toBe('UNAUTHENTICATED claims')
    expect(await refusalOf(developmentTokenOf({ aud: 'shop-api' }))).toBe('UNAUTHENTICATED audience')
    expect(await refusalOf(developmentTokenOf({ exp: clock.seconds() - 6 }))).toBe('UNAUTHENTICATED expired')
  })

  test('case 30: a type other than JWT and at+jwt is refused', async () => {
    for (const typ of ['id+jwt', 'logout+jwt', 'dpop+jwt', 'JOSE', '', 'xJWT']) {
      expect(await refusalOf(await sign(rsa, clock, {}, { typ }))).toBe('UNAUTHENTICATED type')
    }
  })

  test('case 30: a token is refused from five seconds after its exp, and the cache does not lengthen its life', async () => {
    const tokens = [
      await sign(rsa, clock, { exp: clock.seconds() + 60 }),
      developmentToken({ expiresInSeconds: 60 }),
    ]
    for (const token of tokens) await verifier.verify(token)
    clock.advance(64_999)
    for (const token of tokens) expect(await verifier.verify(token)).toMatchObject({ tenant: 'acme' })
    clock.advance(1)
    for (const token of tokens) expect(await refusalOf(token)).toBe('UNAUTHENTICATED expired')
  })

  test('case 30: nbf and iat may lie five seconds ahead, and no more', async () => {
    for (const claim of ['nbf', 'iat']) {
      const near = await sign(rsa, clock, { [claim]: clock.seconds() + 5 })
      expect(await verifier.verify(near)).toMatchObject({ tenant: 'acme' })
      for (const ahead of [6, 86_400, 10 ** 9]) {
        const far = await sign(rsa, clock, {
          [claim]: clock.seconds() + ahead,
          exp: clock.seconds() + 2 * 10 ** 9,
        })
        expect(await refusalOf(far)).toBe('UNAUTHENTICATED not-yet-valid')
      }
    }
  })
})

test('case 30: the issuer that chose the rules is checked again with the claims', async () => {
  const payload = { ...validClaims(clock), tenant: 'acme' }
  const rules = { issuer: 'https://other.example', audience: 'shop-api', tenantClaim: 'tenant' }
  expect(await refusal(() => checkClaims(payload, rules, clock().getTime()))).toBe('UNAUTHENTICATED issuer')
})

describe('case 31: a token that names no tenant', () => {
  test('case 31: no tenant claim is refused, and the message says so', async () => {
    const token = await sign(rsa, clock, { 'https://bulkhead.example/tenant': undefined, tenant: 'acme' })
    expect(await refusalOf(token)).toBe('UNAUTHENTICATED tenant')
    await expect(verifier.verify(token)).rejects.toThrow(/tenant claim is missing/)
  })

  test('case 31: an empty, long or ill-typed tenant is refused, alone or among others', async () => {
    const many = Array.from({ length: 201 }, (_, n) => `t${n}`)
    for (const tenant of ['', 'x'.repeat(64), 7, null, ['acme', ''], ['acme', 7], many, { slug: 'acme' }]) {
      expect(await refusalOf(developmentTokenOf({ tenant }))).toBe('UNAUTHENTICATED tenant')
    }
  })

  test('case 31: a claim is never read from the prototype', async () => {
    const odd = createVerifier(server.url, clock, { config: { tenantClaim: 'constructor' } })
    const token = await sign(rsa, clock)
    expect(await refusal(() => odd.verify(token))).toBe('UNAUTHENTICATED tenant')
  })
})

test('the address may stand in another claim, and no other then counts', async () => {
  const named = createVerifier(server.url, clock, {
    config: { emailClaim: 'https://bulkhead.example/email' },
  })
  const claim = (value: unknown) => sign(rsa, clock, { 'https://bulkhead.example/email': value })
  expect(await named.verify(await claim('a@acme.example'))).toMatchObject({ email: 'a@acme.example' })
  expect(await named.verify(await claim(undefined))).toMatchObject({ email: null })
  for (const value of [7, ['a@acme.example'], 'x'.repeat(255)]) {
    expect(await refusal(async () => named.verify(await claim(value)))).toBe('UNAUTHENTICATED claims')
  }
  const unverified = await sign(rsa, clock, {
    'https://bulkhead.example/email': 'a@acme.example',
    email_verified: false,
  })
  expect(await named.verify(unverified)).toMatchObject({ email: null })
})

test('where tokens must say that they are access tokens, others are refused before any key is fetched', async () => {
  const strict = createVerifier(server.url, clock, { config: { tokenType: 'at+jwt' } })
  const asked = server.requests
  for (const typ of ['JWT', undefined]) {
    const token = await sign(rsa, clock, {}, typ === undefined ? { typ: undefined as never } : { typ })
    expect(await refusal(() => strict.verify(token))).toBe('UNAUTHENTICATED type')
  }
  expect(server.requests).toBe(asked)
  for (const typ of ['at+jwt', 'application/at+jwt', 'AT+JWT']) {
    expect(await strict.verify(await sign(rsa, clock, {}, { typ }))).toMatchObject({ tenant: 'acme' })
  }
})

describe('a token that names several tenants', () => {
  test('leaves the choice among them to the caller', async () => {
    const token = developmentTokenOf({ tenant: ['acme', 'globex'] })
    expect(verifier.verify(token)).toMatchObject({ tenant: null, tenants: ['acme', 'globex'] })
    expect(verifier.verify(developmentTokenOf({ tenant: [] }))).toMatchObject({ tenant: null, tenants: [] })
  })

  test('cross-tenant: counts for those alone that its issuer may speak for', async () => {
    const config = { tenants: ['globex', 'initech'] }
    const own = createVerifier(server.url, clock, { config })
    const token = await sign(rsa, clock, { 'https://bulkhead.example/tenant': ['acme', 'globex'] })
    expect(await own.verify(token)).toMatchObject({ tenant: null, tenants: ['globex'] })
  })
})

test('an issuer that is trusted later is verified from then on', async () => {
  const bare = createVerifier(server.url, clock, { config: { issuer: 'https://other.example' } })
  const token = await sign(rsa, clock)
  expect(await refusal(() => bare.verify(token))).toBe('UNAUTHENTICATED issuer')
  bare.trust({ issuer: ISSUER, jwksUri: server.url, audience: 'shop-api', algorithms: ['RS256'] })
  expect(await bare.verify(token)).toMatchObject({ issuer: ISSUER, tenant: null, tenants: null })
})

describe('a malformed token', () => {
  const malformed = [
    '',
    '.',
    '..',
    'a.b',
    'a.b.c.d',
    'not a token',
    '\u0000',
    'bk_live_abc',
    `${compact({ alg: 'HS256' }, [1], 'AAAA')}`,
    compact([], { iss: DEVELOPMENT_ISSUER }, 'AAAA'),
    `bnVsbA.bnVsbA.AAAA`,
  ]
  test.each(malformed.map((token) => [token]))('%j is refused', async (token) => {
    expect(await refusalOf(token)).toBe('UNAUTHENTICATED malformed')
  })

  test('over 8 KiB is refused unread', async () => {
    const long = developmentTokenOf({ pad: 'x'.repeat(TOKEN_LENGTH_MAX) })
    expect(await refusalOf(long)).toBe('UNAUTHENTICATED malformed')
  })
})

/** One change to a token: other characters, a segment moved, dropped, doubled or taken from another token. */
const mutation = fc.oneof(
  fc.record({
    kind: fc.constant('replace' as const),
    at: fc.nat(),
    to: fc.string({ minLength: 1, maxLength: 2 }),
  }),
  fc.record({
    kind: fc.constant('insert' as const),
    at: fc.nat(),
    to: fc.string({ minLength: 1, maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat(), length: fc.integer({ min: 1, max: 40 }) }),
  fc.record({
    kind: fc.constant('flip' as const),
    segment: fc.nat({ max: 2 }),
    at: fc.nat(),
    bit: fc.nat({ max: 7 }),
  }),
  fc.record({ kind: fc.constant('graft' as const), segment: fc.nat({ max: 2 }) }),
  fc.record({ kind: fc.constant('swap' as const), segment: fc.nat({ max: 1 }) }),
)

function mutate(
  token: string,
  other: string,
  change: typeof mutation extends fc.Arbitrary<infer T> ? T : never,
) {
  const segments = token.split('.')
  const at = 'at' in change ? change.at % token.length : 0
  if (change.kind === 'replace') return token.slice(0, at) + change.to + token.slice(at + change.to.length)
  if (change.kind === 'insert') return token.slice(0, at) + change.to + token.slice(at)
  if (change.kind === 'cut') return token.slice(0, at) + token.slice(at + change.length)
  const { segment } = change
  if (change.kind === 'graft') segments[segment] = other.split('.')[segment] ?? ''
  else if (change.kind === 'swap')
    segments.splice(segment, 2, segments[segment + 1] ?? '', segments[segment] ?? '')
  else {
    const bytes = Buffer.from(segments[segment] ?? '', 'base64url')
    const index = change.at % bytes.length
    bytes.writeUInt8(bytes.readUInt8(index) ^ (1 << change.bit), index)
    segments[segment] = bytes.toString('base64url')
  }
  return segments.join('.')
}

test('case 29: no mutation of a valid token verifies', async () => {
  const minted: string[] = [developmentToken(), developmentTokenOf({ tenant: 'globex' })]
  for (const key of keys) minted.push(await sign(key, clock), await sign(key, clock, { sub: 'user-2' }))
  for (const token of minted) await verifier.verify(token)
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: minted.length - 1 }), fc.nat(), mutation, async (index, other, change) => {
      const token = minted[index] ?? expect.fail()
      const mutant = mutate(token, minted[other % minted.length] ?? '', change)
      fc.pre(!minted.includes(mutant))
      expect(await refusal(() => verifier.verify(mutant))).toMatch(/^UNAUTHENTICATED/)
    }),
    { numRuns: 2_000 },
  )
})

test('a signature has one spelling: the spare bits of its last character must be zero', async () => {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  for (const token of [developmentToken(), await sign(rsa, clock)]) {
    const next = digits[digits.indexOf(token.at(-1) ?? '') + 1] ?? expect.fail()
    expect(await refusalOf(token.slice(0, -1) + next)).toBe('UNAUTHENTICATED signature')
    expect(await refusalOf(`${token}=`)).toBe('UNAUTHENTICATED malformed')
  }
})

test('cached results are bounded: one long unused is verified again, one in use stays', async () => {
  const unused = await sign(rsa, clock)
  const used = await sign(rsa, clock)
  const claims = await verifier.verify(unused)
  await verifier.verify(used)
  // Nearly as long as a token may be.
  const padding = 'x'.repeat(5_500)
  for (let n = 0; n < 5_000; n += 1) {
    await verifier.verify(developmentTokenOf({ jti: String(n), padding }))
    if (n % 1_000 === 0) expect(verifier.verify(used)).not.toBeInstanceOf(Promise)
  }
  const again = verifier.verify(unused)
  expect(again).toBeInstanceOf(Promise)
  expect(await again).toEqual(claims)
})

test('a token is refused if its key was published with the private part', async () => {
  const leaky = await createSigningKey('EdDSA', 'leaky')
  server.publish([...keys.map((key) => key.jwk), { ...leaky.jwk, d: 'AAAA' }])
  const fresh = createVerifier(server.url, clock)
  const token = await new SignJWT(validClaims(clock))
    .setProtectedHeader({ alg: 'EdDSA', kid: 'leaky' })
    .sign(leaky.privateKey)
  expect(await refusal(() => fresh.verify(token))).toMatch(/^UNAUTHENTICATED/)
  server.publish(keys.map((key) => key.jwk))
})
