// Failed guesses at API keys are counted and limited, and other addresses' failures do not affect anybody.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createFailureGuard, networkOf } from '../../../src/auth/failure-guard.ts'
import { newApiKey } from '../../../src/core/api-key.ts'
import { refusal } from '../../auth/token-setup.ts'
import { type Api, emailOf, startApi } from '../../support/api.ts'
import { askWithKey, elsewhere, makeKey, sentBy, told } from '../../support/keys.ts'

/** The failures per address and minute. */
const FAILURES_MAX = 100
/** The number of loopback addresses of the attack. */
const BESIEGERS = 25

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

const wrong = () => newApiKey('test', api.tenantIds.A).secret
const ask = (secret: string, from: string) => askWithKey({ url: api.url, secret, from })
const guessFrom = async (from: string, count: number) => {
  const answers = []
  for (let n = 0; n < count; n += 1) answers.push(await ask(wrong(), from))
  return answers
}

describe('over HTTP', () => {
  it('a hundred wrong keys from an address are 401, and the next ones 429 with Retry-After', async () => {
    const answers = await guessFrom('127.0.1.1', FAILURES_MAX + 5)
    const words = answers.map(told)
    expect(new Set(words.slice(0, FAILURES_MAX))).toEqual(new Set(['401 UNAUTHENTICATED']))
    expect(new Set(words.slice(FAILURES_MAX))).toEqual(new Set(['429 RATE_LIMITED']))
    for (const { retryAfter } of answers.slice(FAILURES_MAX)) {
      expect(Number(retryAfter)).toBeGreaterThan(0)
      expect(Number(retryAfter)).toBeLessThanOrEqual(60)
    }
  })

  it('the same wrong key again counts like any other; a broken one and one of the other mode are counted apart', async () => {
    const same = wrong()
    const broken = `${same.slice(0, -1)}_`
    const live = newApiKey('live', api.tenantIds.A).secret
    const words = new Set<string>()
    for (let n = 0; n < FAILURES_MAX; n += 1) {
      words.add(told(await ask([broken, live][n % 2] as string, '127.0.1.2')))
    }
    for (const secret of [broken, live]) expect(told(await ask(secret, '127.0.1.2'))).toBe('429 RATE_LIMITED')
    for (let n = 0; n < FAILURES_MAX; n += 1) words.add(told(await ask(same, '127.0.1.2')))
    expect(words).toEqual(new Set(['401 UNAUTHENTICATED']))
    expect(told(await ask(same, '127.0.1.2'))).toBe('429 RATE_LIMITED')
  })

  it('a thousand simultaneous guesses cost no more look-ups than a hundred', async () => {
    let lookUps = 0
    const door = elsewhere({
      opened: {
        ...api.opened,
        resolveApiKey: async () => {
          lookUps += 1
          await sleep(20)
          return null
        },
      },
    })
    const words = await Promise.all(
      Array.from({ length: 1_000 }, () => refusal(() => door.authenticate(sentBy(wrong()), 'request-1'))),
    )
    expect(lookUps).toBe(FAILURES_MAX)
    expect(words.filter((word) => word === 'RATE_LIMITED')).toHaveLength(900)
  })

  it('cross-tenant: valid keys from elsewhere are accepted meanwhile, of the attacked tenant and of others', async () => {
    const a = await makeKey(api.as('A'), ['things:read'])
    const b = await makeKey(api.as('B'), ['things:read'])
    await guessFrom('127.0.1.3', FAILURES_MAX + 1)
    expect(told(await ask(wrong(), '127.0.1.3'))).toBe('429 RATE_LIMITED')
    expect(told(await ask(a.secret, '127.0.1.4'))).toBe('200 OK')
    expect(told(await ask(b.secret, '127.0.1.4'))).toBe('200 OK')
  })

  it('a valid key that was in use is accepted from the attacker’s address, and after it left the cache', async () => {
    const { secret } = await makeKey(api.as('A'), ['things:read'])
    expect(told(await ask(secret, '127.0.1.5'))).toBe('200 OK')
    await guessFrom('127.0.1.5', FAILURES_MAX + 1)
    expect(told(await ask(wrong(), '127.0.1.5'))).toBe('429 RATE_LIMITED')
    expect(told(await ask(secret, '127.0.1.5'))).toBe('200 OK')
    api.services.sessions.forget(api.tenantIds.A)
    expect(told(await ask(secret, '127.0.1.5'))).toBe('200 OK')
  })

  it('people are not limited by the keys from their address', async () => {
    await guessFrom('127.0.0.1', FAILURES_MAX + 1)
    expect(told(await ask(wrong(), '127.0.0.1'))).toBe('429 RATE_LIMITED')
    const { viewer } = await api.as('A').data('{ viewer { member { email } } }')
    expect(viewer.member.email).toBe(emailOf('A', 'OWNER'))
  })

  it('under a distributed attack each address may fail less, and one without failures is accepted', async () => {
    const { secret } = await makeKey(api.as('A'), ['things:read'])
    const hosts = Array.from({ length: BESIEGERS }, (_, n) => `127.0.2.${n + 1}`)
    // Bypassing HTTP and the database, so that the whole attack is in one window on a busy machine.
    const lookUp = vi.spyOn(api.opened, 'resolveApiKey').mockResolvedValue(null)
    for (const host of hosts)
      for (let n = 0; n < FAILURES_MAX; n += 1)
        await refusal(() => api.authenticator.authenticate(sentBy(wrong(), host), 'request-1'))
    lookUp.mockRestore()
    const words = (await guessFrom('127.0.3.1', 7)).map(told)
    expect(words).toEqual([
      ...Array<string>(5).fill('401 UNAUTHENTICATED'),
      ...Array<string>(2).fill('429 RATE_LIMITED'),
    ])
    expect(told(await ask(secret, '127.0.3.2'))).toBe('200 OK')
  })
})

describe('the guard', () => {
  const found = async () => 'somebody'
  const nobody = async () => null
  const at = (address: string, subject = 'somebody') => ({ address, subject })

  afterEach(() => {
    vi.useRealTimers()
  })

  it('forgets failures after its window, and does not count successes', async () => {
    vi.useFakeTimers()
    const guard = createFailureGuard({ what: 'keys', failuresMax: 2, windowSeconds: 1 })
    for (let n = 0; n < 10; n += 1) expect(await guard.attempt(at('192.0.2.1'), found)).toBe('somebody')
    for (let n = 0; n < 2; n += 1) expect(await guard.attempt(at('192.0.2.1'), nobody)).toBeNull()
    expect(await refusal(() => guard.attempt(at('192.0.2.1'), found))).toBe('RATE_LIMITED')
    await vi.advanceTimersByTimeAsync(1_100)
    expect(await guard.attempt(at('192.0.2.1'), found)).toBe('somebody')
  })

  it('does not count database errors as failures', async () => {
    const guard = createFailureGuard({ what: 'keys', failuresMax: 1 })
    for (let n = 0; n < 5; n += 1)
      await expect(guard.attempt(at('192.0.2.1'), () => Promise.reject(new Error('down')))).rejects.toThrow(
        'down',
      )
    expect(await guard.attempt(at('192.0.2.1'), found)).toBe('somebody')
  })

  it('asks a crowd of valid keys to retry in a second, and a failing address to wait for its minute', async () => {
    vi.useFakeTimers()
    const guard = createFailureGuard({ what: 'keys', failuresMax: 2 })
    let answer: (value: string) => void = () => {}
    const slow = () =>
      new Promise<string>((resolve) => {
        answer = resolve
      })
    const first = guard.attempt(at('192.0.2.1'), slow)
    const second = guard.attempt(at('192.0.2.1'), found)
    await expect(guard.attempt(at('192.0.2.1'), found)).rejects.toMatchObject({
      details: { retryAfterSeconds: 1 },
    })
    await second
    answer('late')
    expect(await first).toBe('late')
    for (let n = 0; n < 2; n += 1) await guard.attempt(at('192.0.2.1'), nobody)
    await expect(guard.attempt(at('192.0.2.1'), found)).rejects.toMatchObject({
      details: { retryAfterSeconds: 60 },
    })
  })

  it('forgets the address that failed longest ago when there are too many', async () => {
    const guard = createFailureGuard({ what: 'keys', failuresMax: 1, failuresEverywhereMax: 1e9 })
    await guard.attempt(at('192.0.2.1'), nobody)
    expect(await refusal(() => guard.attempt(at('192.0.2.1'), nobody))).toBe('RATE_LIMITED')
    for (let n = 0; n < 20_000; n += 1)
      await guard.attempt(at(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`), nobody)
    expect(await guard.attempt(at('192.0.2.1'), found)).toBe('somebody')
  })

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:0db8:0001:0002::9', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['unknown', 'unknown'],
    ['', ''],
  ])('counts %j as %j', (address, network) => {
    expect(networkOf(address)).toBe(network)
  })
})
