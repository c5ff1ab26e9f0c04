// Trusted documents: named by id, known to every tenant, and in the strict mode the only ones that run.
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { readTrustedDocuments } from '../../src/edge/trusted-documents.ts'
import { type FrontDoor, openFrontDoor, refusalOf, smallSchema } from './front-door.ts'

const HELLO = 'query Hello($name: String) { hello(name: $name) }'
const COUNT = '{ count }'
const PLACE = 'mutation Place { orderPlace { order { id } } }'
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
/** An Apollo manifest's id that is a hash, but not that of its text. */
const OTHER_HASH = sha256('the text before a build step')

let folder: string
let door: FrontDoor | undefined
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead-trusted-'))
  await write('codegen.json', { 'hello-1': HELLO, place: PLACE })
  await write('manifest.json', {
    format: 'apollo-persisted-query-manifest',
    version: 1,
    operations: [{ id: OTHER_HASH, body: COUNT, name: 'Count', type: 'query' }],
  })
})
afterAll(() => rm(folder, { recursive: true, force: true }))
afterEach(async () => {
  await door?.close()
  door = undefined
})

const write = (name: string, value: unknown) => writeFile(join(folder, name), JSON.stringify(value))
const read = (path: string, only = false) => readTrustedDocuments({ path, only, schema: smallSchema() })

async function open(only: boolean) {
  const opened = await openFrontDoor({
    trusted: await read(folder, only),
    clock: () => new Date('2030-01-01T00:00:00Z'),
  })
  door = opened
  const post = (parameters: object) =>
    opened.send('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(parameters),
    })
  return { post, get: (query: string) => opened.send(`/graphql?${query}`) }
}

const persisted = (hash: string) => ({ extensions: { persistedQuery: { version: 1, sha256Hash: hash } } })

describe('a trusted document', () => {
  it.each([
    ['its id', { documentId: 'hello-1' }],
    ['its hash', { documentId: `sha256:${sha256(HELLO)}` }],
    ['its hash, alone', { documentId: sha256(HELLO) }],
    ["Apollo's parameter", persisted(sha256(HELLO))],
    ['its text', { query: HELLO }],
  ])('is run by %s, with variables, in both modes', async (_name, named) => {
    for (const only of [false, true]) {
      const { post } = await open(only)
      const { status, body } = await post({ ...named, variables: { name: 'all' } })
      expect([status, body.data]).toEqual([200, { hello: 'hello all' }])
      await door?.close()
    }
  })

  it('is run by GET, and a mutation is not', async () => {
    const { get } = await open(true)
    expect((await get('documentId=hello-1&variables=%7B%22name%22%3A%22a%22%7D')).body.data.hello).toBe(
      'hello a',
    )
    expect(refusalOf(await get('documentId=place'))).toBe('405 BAD_USER_INPUT')
  })

  it("is run by an Apollo manifest's id that is not the hash of its text", async () => {
    const { post } = await open(true)
    expect((await post(persisted(OTHER_HASH))).body.data).toEqual({ count: 3 })
  })

  it('costs nothing to read, as another document does', async () => {
    const { post } = await open(false)
    const remaining = async (parameters: object) => (await post(parameters)).body.extensions.cost.remaining
    const before = await remaining({ documentId: 'hello-1' })
    expect(before - (await remaining({ documentId: 'hello-1' }))).toBeLessThan(10)
    expect(before - (await remaining({ query: '{ hello(name: "new") }' }))).toBeGreaterThan(100)
  })

  it('is run after too many refusals', async () => {
    const { post } = await open(false)
    let last = 0
    for (let n = 0; last !== 429; n += 1) last = (await post({ query: `{ nothing${n} }` })).status
    expect((await post({ query: '{ hello(name: "new") }' })).status).toBe(429)
    expect((await post({ documentId: 'hello-1' })).status).toBe(200)
  })
})

describe('another document', () => {
  it.each([
    ['by its text', { query: '{ hello }' }],
    ['that is invalid', { query: '{' }],
    ['that introspects', { query: '{ __schema { types { name } } }' }],
    ['beside its own hash', { query: '{ hello }', ...persisted(sha256('{ hello }')) }],
    ['by an unknown id', { documentId: 'hello-2' }],
  ])('%s is refused in the strict mode', async (_name, parameters) => {
    const { post } = await open(true)
    expect(refusalOf(await post(parameters))).toBe('400 DOCUMENT_NOT_TRUSTED')
    expect(door?.reads()).toBe(0)
  })

  it('runs without the strict mode', async () => {
    const { post } = await open(false)
    expect((await post({ query: '{ hello }' })).status).toBe(200)
    expect(refusalOf(await post({ documentId: 'hello-2' }))).toBe('400 DOCUMENT_NOT_TRUSTED')
  })

  it('cannot be sent beside an id', async () => {
    const { post } = await open(false)
    expect(refusalOf(await post({ query: '{ hello }', documentId: 'hello-1' }))).toBe('400 BAD_USER_INPUT')
    expect(refusalOf(await post({ documentId: 7 }))).toBe('400 BAD_USER_INPUT')
  })
})

describe('a manifest', () => {
  const problemsOf = async (value: unknown) => {
    const file = join(folder, 'wrong.txt')
    await writeFile(file, typeof value === 'string' ? value : JSON.stringify(value))
    return read(file).then(
      () => '',
      ({ message }: Error) => message,
    )
  }

  it('is refused with a line for each document that the schema does not allow', async () => {
    const message = await problemsOf({
      good: COUNT,
      old: '{ gone }',
      broken: '{',
      deep: '{ order(id: 1) { gone } }',
    })
    expect(message).toMatch(/TRUSTED_DOCUMENTS: .*wrong\.txt is refused:\n/)
    expect(message.split('\n').slice(1)).toEqual([
      expect.stringMatching(/^ {2}old: Cannot query field "gone" on type "Query"/),
      expect.stringMatching(/^ {2}broken: Syntax Error/),
      expect.stringMatching(/^ {2}deep: Cannot query field "gone" on type "Order"/),
    ])
  })

  it.each([
    ['of another form', [1], /neither a JSON object/],
    [
      'of a later version',
      { format: 'apollo-persisted-query-manifest', version: 2, operations: [] },
      /neither/,
    ],
    ['that is no JSON', '{', /JSON/],
  ])('%s is refused', async (_name, value, message) => {
    expect(await problemsOf(value)).toMatch(message)
  })

  it('that is missing, or gives an id to two documents, is refused', async () => {
    await expect(read(join(folder, 'absent.json'))).rejects.toThrow(/ENOENT/)
    const other = await mkdtemp(join(tmpdir(), 'bulkhead-trusted-'))
    await expect(read(other)).rejects.toThrow(/has no \*\.json/)
    await writeFile(join(other, 'a.json'), JSON.stringify({ one: HELLO }))
    await writeFile(join(other, 'b.json'), JSON.stringify({ one: COUNT }))
    await expect(read(other)).rejects.toThrow(/b\.json: one is the id of another document/)
    await rm(other, { recursive: true })
  })
})
