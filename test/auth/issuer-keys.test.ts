// An issuer's keys: rotation, retirement, and a key server that is down, slow or hostile (case 33).
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DOCUMENT_BYTES_MAX } from '../../src/auth/issuer-documents.ts'
import { KEY_TIMINGS } from '../../src/auth/issuer-keys.ts'
import { type KeyServer, startKeyServer } from './key-server.ts'
import {
  createSigningKey,
  createTestClock,
  createVerifier,
  refusal,
  type SigningKey,
  sign,
  type TestClock,
} from './token-setup.ts'

const MINUTE_MS = 60_000

let server: KeyServer
let clock: TestClock
let verifier: ReturnType<typeof createVerifier>
let oldKey: SigningKey
let newKey: SigningKey

beforeEach(async () => {
  server = await startKeyServer()
  clock = createTestClock()
  verifier = createVerifier(server.url, clock)
  oldKey = await createSigningKey('ES256', 'old')
  newKey = await createSigningKey('ES256', 'new')
  server.publish([oldKey.jwk])
})

afterEach(() => server.stop())

const goDown = () => {
  server.answer = (request) => request.socket.destroy()
}
const accept = async (key: SigningKey) =>
  expect(await verifier.verify(await sign(key, clock))).toMatchObject({ tenant: 'acme' })
const refusalOf = async (key: SigningKey) => {
  const token = await sign(key, clock)
  return refusal(() => verifier.verify(token))
}

test('case 33: rotation with both keys published fails no request, and costs one fetch', async () => {
  await accept(oldKey)
  clock.advance(KEY_TIMINGS.cooldownMs)
  server.publish([oldKey.jwk, newKey.jwk])
  await Promise.all(Array.from({ length: 100 }, (_, n) => accept(n % 2 === 0 ? newKey : oldKey)))
  expect(server.requests).toBe(2)
})

test("case 33: a retired key is refused after the cache's age, whether or not its token was seen before", async () => {
  await accept(oldKey)
  const seen = await sign(oldKey, clock)
  await verifier.verify(seen)
  server.publish([newKey.jwk])
  clock.advance(KEY_TIMINGS.refreshAfterMs - 1)
  expect(await verifier.verify(seen)).toMatchObject({ tenant: 'acme' })
  clock.advance(KEY_TIMINGS.ageMaxMs - KEY_TIMINGS.refreshAfterMs + 1)
  expect(await refusal(() => verifier.verify(seen))).toBe('UNAUTHENTICATED key')
  expect(await refusalOf(oldKey)).toBe('UNAUTHENTICATED key')
  await accept(newKey)
  expect(server.requests).toBe(2)
})

test('case 33: keys are renewed in the background before their age is over, and a verdict under a retired key ends with it', async () => {
  const seen = await sign(oldKey, clock)
  await verifier.verify(seen)
  server.publish([newKey.jwk])
  clock.advance(KEY_TIMINGS.refreshAfterMs - MINUTE_MS / 2)
  await verifier.verify(seen)
  expect(verifier.verify(seen)).not.toBeInstanceOf(Promise)
  clock.advance(MINUTE_MS / 2)
  expect(await verifier.verify(seen)).toMatchObject({ tenant: 'acme' })
  await vi.waitFor(async () => expect(await refusal(() => verifier.verify(seen))).toBe('UNAUTHENTICATED key'))
  expect(server.requests).toBe(2)
})

test('a key set fetched again unchanged keeps the verdicts that rest on it, for at most a minute each', async () => {
  const token = await sign(oldKey, clock)
  await verifier.verify(token)
  clock.advance(KEY_TIMINGS.cooldownMs)
  expect(await refusalOf(newKey)).toBe('UNAUTHENTICATED key')
  expect(server.requests).toBe(2)
  expect(verifier.verify(token)).not.toBeInstanceOf(Promise)
  clock.advance(MINUTE_MS - KEY_TIMINGS.cooldownMs)
  expect(verifier.verify(token)).toBeInstanceOf(Promise)
})

test('a storm of unknown key ids costs one fetch per cooldown', async () => {
  await accept(oldKey)
  const storm = async () => {
    const tokens = await Promise.all(
      Array.from({ length: 200 }, (_, n) => sign({ ...newKey, kid: `unknown-${n}` }, clock)),
    )
    const answers = await Promise.all(tokens.map((token) => refusal(() => verifier.verify(token))))
    expect(new Set(answers)).toEqual(new Set(['UNAUTHENTICATED key']))
  }
  await storm()
  expect(server.requests).toBe(1)
  clock.advance(KEY_TIMINGS.cooldownMs)
  await storm()
  await storm()
  expect(server.requests).toBe(2)
  await accept(oldKey)
})

test('case 33: with the key server down, cached keys serve for an hour, then 503 and not 401; then it recovers unaided', async () => {
  await accept(oldKey)
  goDown()
  for (let minutes = 0; minutes < 59; minutes += 1) {
    clock.advance(MINUTE_MS)
    await accept(oldKey)
  }
  clock.advance(MINUTE_MS)
  expect(await refusalOf(oldKey)).toBe('SERVICE_UNAVAILABLE')
  server.publish([newKey.jwk])
  clock.advance(KEY_TIMINGS.retryMs)
  await accept(newKey)
  expect(await refusalOf(oldKey)).toBe('UNAUTHENTICATED key')
})

test('case 33: a server down when first asked is 503, asked again only after a pause, and works once it is up', async () => {
  goDown()
  expect(await refusalOf(oldKey)).toBe('SERVICE_UNAVAILABLE')
  const { requests } = server
  expect(await refusalOf(oldKey)).toBe('SERVICE_UNAVAILABLE')
  expect(server.requests).toBe(requests)
  server.publish([oldKey.jwk])
  clock.advance(KEY_TIMINGS.retryMs)
  await accept(oldKey)
})

test('case 33: an unknown key while the server is down is 503, since it may be a good new one', async () => {
  await accept(oldKey)
  goDown()
  clock.advance(KEY_TIMINGS.cooldownMs)
  expect(await refusalOf(newKey)).toBe('SERVICE_UNAVAILABLE')
  await accept(oldKey)
})

test('case 33: after an outage without requests, old keys are accepted only after the server was asked', async () => {
  const log: string[] = []
  verifier = createVerifier(server.url, clock, { log })
  await accept(oldKey)
  goDown()
  clock.advance(KEY_TIMINGS.refreshAfterMs)
  await accept(oldKey)
  await vi.waitFor(() => expect(log).toHaveLength(1))
  expect(log[0]).toContain("an issuer's keys could not be fetched")
  server.publish([newKey.jwk])
  clock.advance(30 * MINUTE_MS)
  expect(await refusalOf(oldKey)).toBe('UNAUTHENTICATED key')
})

test('a server that hangs is given up after the time limit, and does not hold up requests with cached keys', async () => {
  verifier = createVerifier(server.url, clock, { keyTimings: { timeoutMs: 500 } })
  server.answer = () => {}
  expect(await refusalOf(oldKey)).toBe('SERVICE_UNAVAILABLE')
  server.publish([oldKey.jwk])
  clock.advance(KEY_TIMINGS.retryMs)
  await accept(oldKey)
  server.answer = (_request, response) => response.writeHead(200).write('{"keys":[')
  clock.advance(KEY_TIMINGS.ageMaxMs)
  await accept(oldKey)
  clock.advance(KEY_TIMINGS.retryMs)
  const startedMs = performance.now()
  await accept(oldKey)
  expect(performance.now() - startedMs).toBeLessThan(500)
})

test('an answer that is not a small key set is a failure of the server: redirect, error page, wrong shape, too large', async () => {
  const elsewhere = await startKeyServer()
  elsewhere.publish([oldKey.jwk])
  const padding = 'x'.repeat(DOCUMENT_BYTES_MAX)
  const answers: [number, string][] = [
    [302, ''],
    [500, JSON.stringify({ keys: [oldKey.jwk] })],
    [200, '<html>'],
    [200, '[]'],
    [200, '{"keys":{}}'],
    [200, JSON.stringify({ keys: [oldKey.jwk], padding })],
    [200, JSON.stringify({ keys: Array.from({ length: 101 }, () => oldKey.jwk) })],
  ]
  for (const [status, body] of answers) {
    verifier = createVerifier(server.url, clock)
    server.answer = (_request, response) => response.writeHead(status, { location: elsewhere.url }).end(body)
    expect(await refusalOf(oldKey)).toBe('SERVICE_UNAVAILABLE')
  }
  expect(elsewhere.requests).toBe(0)
  await elsewhere.stop()
})

test('a set that is emptied revokes every key', async () => {
  await accept(oldKey)
  server.publish([])
  clock.advance(KEY_TIMINGS.ageMaxMs)
  expect(await refusalOf(oldKey)).toBe('UNAUTHENTICATED key')
})

test("the keys' age counts from the request, not from the answer", async () => {
  const travelMs = 4_000
  server.answer = (_request, response) => {
    clock.advance(travelMs)
    response.end(JSON.stringify({ keys: [oldKey.jwk] }))
  }
  await accept(oldKey)
  server.publish([newKey.jwk])
  clock.advance(KEY_TIMINGS.ageMaxMs - travelMs)
  expect(await refusalOf(oldKey)).toBe('UNAUTHENTICATED key')
})
