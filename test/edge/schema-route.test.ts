// The schema as a file: for those who may introspect, with an ETag.
import { buildSchema } from 'graphql'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type FrontDoor, openFrontDoor, refusalOf } from './front-door.ts'

let door: FrontDoor
let production: FrontDoor
beforeAll(async () => {
  door = await openFrontDoor()
  production = await openFrontDoor({ production: true })
})
afterAll(() => Promise.all([door?.close(), production?.close()]))

it('is a file that a tool can read', async () => {
  const { status, body, headers } = await door.send('/schema.graphql')
  expect(status).toBe(200)
  expect(headers.get('content-disposition')).toBe('attachment; filename="schema.graphql"')
  expect(headers.get('cache-control')).toBe('private, no-cache')
  expect(buildSchema(body).getQueryType()?.getFields()).toHaveProperty('hello')
})

it('is 304 to a client that has it', async () => {
  const etag = (await door.send('/schema.graphql')).headers.get('etag') ?? ''
  const again = await door.send('/schema.graphql', { headers: { 'if-none-match': etag } })
  expect([again.status, again.body, again.headers.get('etag')]).toEqual([304, '', etag])
  expect((await door.send('/schema.graphql', { headers: { 'if-none-match': 'W/"old"' } })).status).toBe(200)
})

it('needs a credential, and does not exist without introspection', async () => {
  expect(refusalOf(await door.send('/schema.graphql', { headers: { authorization: '' } }))).toBe(
    '401 UNAUTHENTICATED',
  )
  expect(refusalOf(await production.send('/schema.graphql'))).toBe('404 NOT_FOUND')
})
