// Keys found by OpenID discovery: only from the issuer's own document, within the same limits as the keys.
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DOCUMENT_BYTES_MAX } from '../../src/auth/issuer-documents.ts'
import { KEY_TIMINGS } from '../../src/auth/issuer-keys.ts'
import { createTokenVerifier } from '../../src/auth/verify-token.ts'
import { createLogger } from '../../src/core/logger.ts'
import { type KeyServer, startKeyServer } from './key-server.ts'
import {
  createSigningKey,
  createTestClock,
  refusal,
  type SigningKey,
  sign,
  type TestClock,
} from './token-setup.ts'

let keyServer: KeyServer
let key: SigningKey
let clock: TestClock
let issuer: { url: string; asked: string[]; answer: RequestListener; stop(): Promise<void> }
let verifier: ReturnType<typeof createTokenVerifier>

beforeEach(async () => {
  keyServer = await startKeyServer()
  key = await createSigningKey('ES256', 'one')
  keyServer.publish([key.jwk])
  clock = createTestClock()
  issuer = await startIssuer('/realms/shop')
  verifier = verifierOf(issuer.url)
})
afterEach(() => Promise.all([keyServer.stop(), issuer.stop()]))

function verifierOf(name: string, timeoutMs = KEY_TIMINGS.timeoutMs) {
  return createTokenVerifier({
    issuers: [{ issuer: name, audience: 'shop-api', algorithms: ['ES256'] }],
    clock,
    logger: createLogger('silent'),
    keyTimings: { timeoutMs },
  })
}

/** A server whose discovery document a test can change; initially correct. */
async function startIssuer(path: string) {
  const server = createServer((request, response) => {
    started.asked.push(request.url ?? '')
    started.answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}` // TCP, so never a pipe's name
  const started = {
    url,
    asked: [] as string[],
    answer: saying({ issuer: url, jwks_uri: keyServer.url }),
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return started
}

function saying(document: unknown, status = 200, headers = {}): RequestListener {
  const body = typeof document === 'string' ? document : JSON.stringify(document)
  return (_request, response) => response.writeHead(status, headers).end(body)
}

const token = (name = issuer.url) => sign(key, clock, { iss: name })

test('the document below the issuer says where the keys are', async () => {
  expect(await verifier.verify(await token())).toMatchObject({ issuer: issuer.url, tenant: null })
  expect(issuer.asked).toEqual(['/realms/shop/.well-known/openid-configuration'])
  expect(keyServer.requests).toBe(1)
})

test('a trailing slash of the issuer’s name is dropped from the discovery URL', async () => {
  const name = `${issuer.url}/`
  issuer.answer = saying({ issuer: name, jwks_uri: keyServer.url })
  const own = verifierOf(name)
  expect(await own.verify(await token(name))).toMatchObject({ issuer: name })
  expect(issuer.asked).toEqual(['/realms/shop/.well-known/openid-configuration'])
})

test('nothing is fetched before a token of this issuer comes, and a hundred at once cost one look', async () => {
  expect(issuer.asked).toEqual([])
  const tokens = await Promise.all(Array.from({ length: 100 }, () => token()))
  await Promise.all(tokens.map(async (text) => verifier.verify(text)))
  expect([issuer.asked.length, keyServer.requests]).toEqual([1, 1])
})

test('keys that have moved are found at the next renewal', async () => {
  await verifier.verify(await token())
  const moved = await startKeyServer()
  const next = await createSigningKey('ES256', 'two')
  moved.publish([next.jwk])
  issuer.answer = saying({ issuer: issuer.url, jwks_uri: moved.url })
  clock.advance(KEY_TIMINGS.ageMaxMs)
  expect(await verifier.verify(await sign(next, clock, { iss: issuer.url }))).toMatchObject({
    issuer: issuer.url,
  })
  const old = await token()
  expect(await refusal(() => verifier.verify(old))).toBe('UNAUTHENTICATED key')
  await moved.stop()
})

test('case 33: with the document gone, cached keys serve, and without any the answer is 503', async () => {
  await verifier.verify(await token())
  issuer.answer = saying('', 500)
  clock.advance(KEY_TIMINGS.ageMaxMs)
  expect(await verifier.verify(await token())).toMatchObject({ issuer: issuer.url })
  const fresh = verifierOf(issuer.url)
  const text = await token()
  expect(await refusal(() => fresh.verify(text))).toBe('SERVICE_UNAVAILABLE')
})

test('a document of another issuer, no document, a too large one or a redirect is refused', async () => {
  const good = { issuer: issuer.url, jwks_uri: keyServer.url }
  const elsewhere = await startIssuer('/elsewhere')
  const answers: RequestListener[] = [
    saying({ ...good, issuer: `${issuer.url}/` }),
    saying({ ...good, issuer: 'https://id.example.com' }),
    saying({ issuer: issuer.url }),
    saying({ ...good, jwks_uri: 7 }),
    saying({ ...good, jwks_uri: 'file:///etc/passwd' }),
    saying({ ...good, jwks_uri: 'http://keys.example.com/' }),
    saying({ ...good, jwks_uri: keyServer.url.replace('http://', 'http://user:secret@') }),
    saying('<html>'),
    saying(good, 404),
    saying({ ...good, padding: 'x'.repeat(DOCUMENT_BYTES_MAX) }),
    saying('', 302, { location: elsewhere.url }),
  ]
  const text = await token()
  for (const answer of answers) {
    issuer.answer = answer
    const own = verifierOf(issuer.url)
    expect(await refusal(() => own.verify(text))).toBe('SERVICE_UNAVAILABLE')
  }
  expect([keyServer.requests, elsewhere.asked]).toEqual([0, []])
  await elsewhere.stop()
})

test.each([
  ['plain', () => keyServer.url],
  ['mapped to IPv6', () => 'https://[::ffff:127.0.0.1]/keys'],
])('a remote issuer cannot name an address on this machine, %s', async (_, jwksUri) => {
  const far = 'https://id.example.com'
  const asked: string[] = []
  const own = createTokenVerifier({
    issuers: [{ issuer: far, audience: 'shop-api', algorithms: ['ES256'] }],
    clock,
    logger: createLogger('silent'),
    // The only address that no test can serve; everything else is real.
    fetch: (async (url: string, init?: RequestInit) => {
      asked.push(url)
      return url.startsWith(far)
        ? Response.json({ issuer: far, jwks_uri: jwksUri() })
        : globalThis.fetch(url, init)
    }) as typeof fetch,
  })
  const text = await token(far)
  expect(await refusal(() => own.verify(text))).toBe('SERVICE_UNAVAILABLE')
  expect(asked).toEqual([`${far}/.well-known/openid-configuration`])
})

test('document and keys share one time limit', async () => {
  const slow = verifierOf(issuer.url, 500)
  issuer.answer = (_request, response) => {
    setTimeout(() => saying({ issuer: issuer.url, jwks_uri: keyServer.url })(_request, response), 300)
  }
  keyServer.answer = () => {}
  const text = await token()
  const startedMs = performance.now()
  expect(await refusal(() => slow.verify(text))).toBe('SERVICE_UNAVAILABLE')
  expect(performance.now() - startedMs).toBeLessThan(750)
  await vi.waitFor(() => expect(keyServer.requests).toBe(1))
})
