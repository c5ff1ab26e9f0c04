// GraphQL over HTTP: the audits of the reference implementation, and cross-site requests.
import { gzipSync } from 'node:zlib'
import { serverAudits } from 'graphql-http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FrontDoor, openFrontDoor, refusalOf, tokenOf } from './front-door.ts'

let door: FrontDoor
beforeAll(async () => {
  door = await openFrontDoor()
})
afterAll(() => door?.close())

/** For clients from before application/graphql-response+json: 200 for an invalid document. We answer 400 to all. */
const WAIVED = new Set(['572B', 'FDE2', '7B9B'])

describe('case 24: every audit of graphql-http passes', () => {
  const audits = serverAudits({
    url: () => `${door.url}/graphql`,
    fetchFn: (input: string, init: RequestInit = {}) =>
      fetch(input, {
        ...init,
        headers: { ...init.headers, authorization: `Bearer ${tokenOf('owner@acme.example')}` },
      }),
  })

  it('are all there', () => {
    expect(audits.length).toBeGreaterThan(55)
  })

  it.each(audits.filter(({ id }) => !WAIVED.has(id)).map((audit) => [audit.id, audit.name, audit] as const))(
    'case 24: %s %s',
    async (_id, _name, audit) => {
      const result = await audit.fn()
      expect(result.status, JSON.stringify(result)).toBe('ok')
    },
  )

  it('no waived audit is a MUST', () => {
    const waived = audits.filter(({ id }) => WAIVED.has(id))
    expect(waived.map(({ name }) => name.split(' ')[0])).toEqual(['SHOULD', 'SHOULD', 'SHOULD'])
  })
})

const body = JSON.stringify({ query: '{ hello }' })

describe('case 24: what a page of another site could send', () => {
  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/graphql',
  ])('case 24: a POST of %s is refused', async (type) => {
    const before = door.reads()
    const answer = await door.send('/graphql', { method: 'POST', headers: { 'content-type': type }, body })
    expect(refusalOf(answer)).toBe('415 BAD_USER_INPUT')
    expect(door.reads()).toBe(before)
  })

  it.each(['gzip', 'br', 'identity, gzip'])(
    'a body in the coding %s is refused by the name of its header',
    async (coding) => {
      const headers = { 'content-type': 'application/json', 'content-encoding': coding }
      const before = door.reads()
      const answer = await door.send('/graphql', { method: 'POST', headers, body: gzipSync(body) })
      expect(refusalOf(answer)).toBe('415 BAD_USER_INPUT')
      expect(answer.body.errors[0].message).toContain('Content-Encoding')
      expect(door.reads()).toBe(before)
    },
  )

  it('a body in no coding may say so', async () => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'Identity' }
    const answer = await door.send('/graphql', { method: 'POST', headers, body })
    expect([answer.status, answer.body.data]).toEqual([200, { hello: 'hello you' }])
  })

  it('case 24: a mutation by GET is refused, with no effect', async () => {
    const before = door.reads()
    const answer = await door.send(
      `/graphql?query=${encodeURIComponent('mutation { orderPlace { order { id } } }')}`,
    )
    expect(refusalOf(answer)).toBe('405 BAD_USER_INPUT')
    expect(answer.headers.get('allow')).toBe('POST')
    expect(door.reads()).toBe(before)
  })

  it('case 24: a query by GET is answered, with variables', async () => {
    const query = encodeURIComponent('query Q($name: String) { hello(name: $name) }')
    const answer = await door.send(
      `/graphql?query=${query}&variables=${encodeURIComponent('{"name":"you all"}')}`,
    )
    expect([answer.status, answer.body.data]).toEqual([200, { hello: 'hello you all' }])
  })

  it.each([[`[${body}]`], [`[${body},${body}]`], ['[]'], ['"query"'], ['null'], ['{}']])(
    'case 24: the body %s is refused',
    async (text) => {
      const headers = { 'content-type': 'application/json' }
      const answer = await door.send('/graphql', { method: 'POST', headers, body: text })
      expect(refusalOf(answer)).toBe('400 BAD_USER_INPUT')
    },
  )

  it('case 24: other methods are not allowed', async () => {
    for (const method of ['PUT', 'PATCH', 'DELETE']) {
      const answer = await door.send('/graphql', { method })
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, POST'])
    }
  })
})

it('an Accept header that names neither media type is answered 406', async () => {
  const headers = { 'content-type': 'application/json', accept: 'text/html' }
  expect(refusalOf(await door.send('/graphql', { method: 'POST', headers, body }))).toBe('406 BAD_USER_INPUT')
})

it('an empty Accept header and an empty operation name are taken as absent', async () => {
  const headers = { 'content-type': 'application/json', accept: '' }
  const named = JSON.stringify({ query: '{ __typename }', operationName: '' })
  const answer = await door.send('/graphql', { method: 'POST', headers, body: named })
  expect([answer.status, answer.body.data]).toEqual([200, { __typename: 'Query' }])
})

it('a subscription is refused, and not a fault of the server', async () => {
  const headers = { 'content-type': 'application/json' }
  const subscribed = JSON.stringify({ query: 'subscription { __typename }' })
  const answer = await door.send('/graphql', { method: 'POST', headers, body: subscribed })
  expect(refusalOf(answer)).toBe('400 BAD_USER_INPUT')
})

it('a sane request id is echoed, any other replaced', async () => {
  const withId = (id: string) =>
    door.send('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': id },
      body,
    })
  expect((await withId('trace-0123.abc')).headers.get('x-request-id')).toBe('trace-0123.abc')
  for (const id of ['short', 'a'.repeat(129), 'with space inside', '<script>alert</script>']) {
    expect((await withId(id)).headers.get('x-request-id')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/)
  }
})

it('an answer is never cached, nor sniffed as another type', async () => {
  const { headers } = await door.ask('{ hello }')
  expect(headers.get('cache-control')).toBe('no-store')
  expect(headers.get('x-content-type-options')).toBe('nosniff')
})
