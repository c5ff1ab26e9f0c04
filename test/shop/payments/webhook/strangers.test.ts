// Unauthenticated requests to a payment provider's endpoint: they take none of the tenant's turns, floods are limited
// by address without affecting others, and the answers reveal nothing about what exists.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeId, newId } from '../../../../src/core/ids.ts'
import { webhookRoute } from '../../../../src/shop/payments/webhook/webhook-route.ts'
import { type Api, type Session, SLUGS, startApi } from '../../../support/api.ts'
import { asSuperuser } from '../../../support/database.ts'
import { countStatements } from '../../../support/statements.ts'
import { post, signedEvent } from '../../support/money.ts'
import { connectSandbox } from '../../support/shop.ts'

/** The failures allowed per address and minute. */
const FAILURES_MAX = 100
/** For a loaded machine. */
const PATIENCE = { timeout: 25_000 }
const EVENT = { type: 'payment_intent.created', object: { id: 'pi_1' } }

let api: Api
let a: Session
beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
  await connectSandbox(api, 'A')
})
afterAll(() => api?.close())

const endpointAt = (slug: string, id = newId()) => `${api.url}/webhooks/in/${slug}.${encodeId('prov', id)}`

async function forged(): Promise<Awaited<ReturnType<typeof signedEvent>>> {
  return await signedEvent(api, 'A', { ...EVENT, secret: 'whsec_forged' })
}

describe('forged deliveries', () => {
  it('hold none of the tenant’s turns: while fifty wait, its requests are answered', async () => {
    const event = await forged()
    let answered = 0
    const { flood, page } = await asSuperuser(api.database, async (client) => {
      // With the table of accounts locked, each delivery that looks up its account waits until this transaction ends.
      await client.query('LOCK TABLE payment_providers IN ACCESS EXCLUSIVE MODE')
      const sent = Array.from({ length: 50 }, () =>
        post(event).then((answer) => {
          answered += 1
          return answer
        }),
      )
      await expect.poll(() => api.opened.poolState().waiting, PATIENCE).toBeGreaterThan(10)
      const products = await Promise.all(
        Array.from({ length: 4 }, () => a.data('{ products(first: 1) { nodes { id } } }')),
      )
      expect(answered).toBe(0)
      return { flood: sent, page: products }
    })
    expect(page).toHaveLength(4)
    expect(new Set((await Promise.all(flood)).map(({ status }) => status))).toEqual(new Set([401]))
  })

  it('do not keep an honest one out, from the same address and to the same endpoint', async () => {
    expect((await post(await signedEvent(api, 'A', EVENT))).status).toBe(200)
    const event = await forged()
    const statuses: number[] = []
    for (let n = 0; n < FAILURES_MAX + 10; n += 1) statuses.push((await post(event)).status)
    expect(statuses.at(-1)).toBe(429)
    const honest = await signedEvent(api, 'A', { ...EVENT, id: 'evt_honest' })
    const { statements } = await countStatements(async () => {
      expect((await post(event)).status).toBe(429)
    })
    expect(statements).toEqual([])
    expect((await post(honest)).status).toBe(200)
  })
})

it('a missing endpoint and a wrong secret get the same answer after the same statements', async () => {
  const other = await startApi()
  try {
    await connectSandbox(other, 'A')
    const event = await signedEvent(other, 'A', { ...EVENT, secret: 'whsec_forged' })
    const at = (url: string) => url.replace(api.url, other.url)
    const urls = [event.url, at(endpointAt(SLUGS.A)), at(endpointAt(SLUGS.B)), at(endpointAt('nobody'))]
    const seen = []
    for (const url of urls) {
      const { result, statements } = await countStatements(async () => {
        const response = await fetch(url, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'stripe-signature': event.signature },
          body: event.body,
        })
        const { errors } = (await response.json()) as {
          errors: { message: string; extensions: { code: string } }[]
        }
        const { 'x-request-id': _id, date: _date, ...headers } = Object.fromEntries(response.headers)
        return {
          status: response.status,
          headers,
          message: errors[0]?.message,
          code: errors[0]?.extensions.code,
        }
      })
      seen.push({ ...result, statements })
    }
    expect(seen[0]).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
    for (const answer of seen) expect(answer).toEqual(seen[0])
  } finally {
    await other.close()
  }
})

describe('what is kept of signed events', () => {
  it('cross-tenant: is bounded by the hour for each tenant: beyond it 429, with when to send again', async () => {
    const small = await startApi({ routes: [webhookRoute({ bytesPerHourMax: 3_000 })] })
    try {
      for (const tenant of ['A', 'B'] as const) await connectSandbox(small, tenant)
      const send = async (tenant: 'A' | 'B', id: string) => {
        const { url, body, signature } = await signedEvent(small, tenant, { ...EVENT, id })
        return await fetch(url, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'stripe-signature': signature },
          body,
        })
      }
      expect((await send('A', 'evt_1')).status).toBe(200)
      expect((await send('A', 'evt_2')).status).toBe(200)
      const third = await send('A', 'evt_3')
      expect([third.status, Number(third.headers.get('retry-after'))]).toEqual([429, expect.any(Number)])
      expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(60)
      expect((await send('B', 'evt_1')).status).toBe(200)
      const count = await asSuperuser(small.database, async (client) => {
        const { rows } = await client.query('SELECT count(*)::int AS count FROM provider_events')
        return rows[0].count
      })
      expect(count).toBe(3)
    } finally {
      await small.close()
    }
  })
})
