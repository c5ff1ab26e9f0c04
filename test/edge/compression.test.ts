// Answers are compressed as the client accepts, small ones never, and the bytes held for slow clients are those sent.
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FrontDoor, openFrontDoor, tokenOf } from './front-door.ts'

const LARGE = '{ orders(first: 100) { nodes { id number } } }'
const SMALL = '{ hello }'
const DECODED: Record<string, (bytes: Buffer) => Buffer> = {
  br: brotliDecompressSync,
  gzip: gunzipSync,
  none: (bytes) => bytes,
}

let door: FrontDoor
beforeAll(async () => {
  const nodes = Array.from({ length: 2_000 }, (_, n) => ({ id: `order-${n}`, number: n * 7 }))
  door = await openFrontDoor({ resolvers: { orders: () => ({ nodes }) } })
})
afterAll(() => door?.close())

/** fetch would decode the answer. */
async function ask(query: string, acceptEncoding: string | null) {
  const sent = request(`${door.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${tokenOf('owner@acme.example')}`,
      ...(acceptEncoding !== null && { 'accept-encoding': acceptEncoding }),
    },
  })
  sent.end(JSON.stringify({ query }))
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const bytes = await buffer(response)
  const { headers } = response
  const encoding = headers['content-encoding'] ?? 'none'
  return { encoding, headers, bytes, body: JSON.parse(String(DECODED[encoding]?.(bytes))) }
}

describe('a large answer', () => {
  it.each([
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip, deflate', 'gzip'],
    ['GZIP', 'gzip'],
    ['br;q=0, gzip;q=0.5', 'gzip'],
    ['*', 'br'],
    ['identity', 'none'],
    ['deflate', 'none'],
    ['', 'none'],
    ['gzip;q=0, br;q=0', 'none'],
    [null, 'none'],
  ])('to a client that accepts %s is encoded by %s', async (accepted, encoding) => {
    const answer = await ask(LARGE, accepted)
    expect(answer.encoding).toBe(encoding)
    expect(answer.body.data.orders.nodes).toHaveLength(2_000)
    expect(answer.headers['content-length']).toBe(String(answer.bytes.length))
    expect(answer.headers.vary).toBe('Origin, Accept-Encoding')
  })

  it('takes at most a third of its bytes', async () => {
    const plain = await ask(LARGE, null)
    for (const accepted of ['br', 'gzip'])
      expect((await ask(LARGE, accepted)).bytes.length).toBeLessThan(plain.bytes.length / 3)
  })
})

it('a small answer and an error are sent as they are', async () => {
  for (const query of [SMALL, '{ nothing }']) expect((await ask(query, 'br, gzip')).encoding).toBe('none')
})

it('many large answers at once all arrive', async () => {
  const answers = await Promise.all(Array.from({ length: 40 }, () => ask(LARGE, 'br')))
  for (const { body } of answers) expect(body.data.orders.nodes).toHaveLength(2_000)
})
