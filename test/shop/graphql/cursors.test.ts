// Refused paging: cursors of other lists, and invalid sizes. And the pages of nested lists.
import { hash } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { unstorableIn } from '../../../src/core/text.ts'
import { type Api, type Data, type Session, startApi } from '../../support/api.ts'
import { seedLists } from './list-rows.ts'

let api: Api
let a: Session
let b: Session
beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
  b = api.as('B')
  await seedLists(api, 'A')
  await seedLists(api, 'B')
})
afterAll(() => api?.close())

async function cursorOf(session: Session, list: string): Promise<string> {
  const data = await session.data(`{ list: ${list} { pageInfo { endCursor } } }`)
  return data.list.pageInfo.endCursor
}

/** The API's answer to a cursor of another list. */
async function refusalOf(session: Session, list: string, cursor: string) {
  const { data, errors } = await session.send(`query ($c: String!) { ${list} { nodes { id } } }`, {
    c: cursor,
  })
  // Refused before it runs, or by the list itself, which is then null.
  const isEmpty = Object.values(data ?? {}).every((value) => value === null)
  return { data: isEmpty ? null : data, errors: errors.map(({ code, message }) => ({ code, message })) }
}

const REFUSED = {
  data: null,
  errors: [{ code: 'BAD_USER_INPUT', message: 'the cursor does not belong to this list' }],
}

/** It is refused as unstorable before it is parsed as a cursor. */
const UNSTORABLE = {
  data: null,
  errors: [{ code: 'BAD_USER_INPUT', message: 'the variable c holds a character that cannot be stored' }],
}

describe('a cursor that is not of the list is refused', () => {
  it.each(['after', 'before'])("cross-tenant: another tenant's, as %s", async (argument) => {
    const cursor = await cursorOf(a, 'orders(first: 2)')
    expect(await refusalOf(b, `orders(${argument}: $c)`, cursor)).toEqual(REFUSED)
  })

  it("another sort key's, and another type's with a column of the same name", async () => {
    const byTotal = await cursorOf(a, 'orders(first: 2, sortKey: TOTAL)')
    expect(await refusalOf(a, 'orders(after: $c)', byTotal)).toEqual(REFUSED)
    const products = await cursorOf(a, 'products(first: 2)')
    for (const list of ['customers', 'variants', 'stockMovements'])
      expect(await refusalOf(a, `${list}(after: $c)`, products)).toEqual(REFUSED)
  })

  it('and anything that is no cursor', async () => {
    const real = await cursorOf(a, 'orders(first: 2)')
    const content = Buffer.from(real, 'base64url').toString()
    const forged = [
      '',
      '0',
      'null',
      real.slice(0, -2),
      `${real}AAAA`,
      content,
      Buffer.from(content.replace(/"placedAt"/, '"number"')).toString('base64url'),
      Buffer.from(content.replace(/\d/, (digit) => String((Number(digit) + 1) % 10))).toString('base64url'),
      Buffer.from('["placedAt","2026-01-01T00:00:00.000Z","x"]').toString('base64url'),
    ]
    for (const cursor of forged) expect(await refusalOf(a, 'orders(after: $c)', cursor)).toEqual(REFUSED)
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (cursor) => {
        const refused = unstorableIn(cursor).length === 0 ? REFUSED : UNSTORABLE
        expect(await refusalOf(a, 'orders(before: $c)', cursor)).toEqual(refused)
      }),
      { numRuns: 40, examples: [['\0'], ['\ud800']] },
    )
  })

  it('with a forged checksum: its content is validated by a schema', async () => {
    const list = { tenantId: api.tenantIds.A, type: 'OrderConnection' }
    const forge = (content: string) => {
      const check = hash('sha256', `${list.tenantId}${list.type}${content}`, 'hex').slice(0, 8)
      return Buffer.from(check + content).toString('base64url')
    }
    const [placedAt, id] = ['2026-01-01T00:00:00.000Z', '0190a0c0-0000-7000-8000-000000000001']
    const genuine = await refusalOf(
      a,
      'orders(first: 1, after: $c)',
      forge(JSON.stringify(['placedAt', placedAt, id])),
    )
    expect(genuine.errors).toEqual([])
    for (const content of [
      'nothing',
      'null',
      '{}',
      JSON.stringify(['placedAt', { gte: placedAt }, id]),
      JSON.stringify(['placedAt', placedAt, { not: id }]),
      JSON.stringify(['placedAt', placedAt, 'x']),
      JSON.stringify(['placedAt', 'never', id]),
      JSON.stringify(['placedAt', 1e300, id]),
      JSON.stringify(['placedAt', placedAt]),
      JSON.stringify([{ toString: 'placedAt' }, placedAt, id]),
    ])
      expect([content, await refusalOf(a, 'orders(after: $c)', forge(content))]).toEqual([content, REFUSED])
    for (const value of ['much', '1e3', {}, null]) {
      const cursor = forge(JSON.stringify(['totalMinor', value, id]))
      expect(await refusalOf(a, 'orders(sortKey: TOTAL, after: $c)', cursor)).toEqual(REFUSED)
    }
  })

  it('a cursor reveals only the row: neither the tenant nor a key of it', async () => {
    const shown = Buffer.from(await cursorOf(a, 'orders(first: 2)'), 'base64url').toString()
    expect(shown).not.toContain(api.tenantIds.A)
  })
})

describe('case 28: a page that is too large, empty, negative or ambiguous is refused', () => {
  const LISTS = ['orders', 'products', 'variants', 'customers', 'members', 'stockMovements']
  const ARGUMENTS = [
    'first: 0',
    'first: -1',
    'first: 101',
    'last: 0',
    'last: 101',
    'first: 1, last: 1',
    'first: 1000000000',
  ]
  it.each(LISTS)('%s', async (list) => {
    for (const args of ARGUMENTS) {
      const { data, errors } = await a.send(`{ ${list}(${args}) { nodes { id } } }`)
      expect(data).toBeNull()
      expect(errors).toMatchObject([{ code: 'BAD_USER_INPUT' }])
    }
  })

  it('in nested lists, too', async () => {
    for (const args of ARGUMENTS) {
      const { errors } = await a.send(
        `{ products(first: 1) { nodes { variants(${args}) { nodes { id } } } } }`,
      )
      expect(errors).toMatchObject([{ code: 'BAD_USER_INPUT' }])
    }
  })
})

describe('a nested list is paged like any other', () => {
  const PAGE =
    'nodes { id sku } edges { cursor } pageInfo { hasNextPage hasPreviousPage endCursor } totalCount'

  it('with ties in its order, forward and backward, for each parent', async () => {
    const all = await a.data(`{ products(first: 100) { nodes { id variants { ${PAGE} } } } }`)
    const parents = all.products.nodes.filter(
      (product: { variants: { totalCount: number } }) => product.variants.totalCount > 1,
    )
    expect(parents.length).toBeGreaterThan(5)
    for (const { id, variants } of parents) {
      const ids = variants.nodes.map((node: { id: string }) => node.id)
      const cursors = variants.edges.map((edge: { cursor: string }) => edge.cursor)
      for (const [n, cursor] of cursors.entries()) {
        const { product } = await a.data(
          `query ($id: ID!, $c: String) { product(id: $id) {
            after: variants(first: 1, after: $c) { ${PAGE} }
            before: variants(last: 1, before: $c) { ${PAGE} }
          } }`,
          { id, c: cursor },
        )
        expect(product.after.nodes.map((node: { id: string }) => node.id)).toEqual(ids.slice(n + 1, n + 2))
        expect(product.before.nodes.map((node: { id: string }) => node.id)).toEqual(ids.slice(0, n).slice(-1))
        expect(product.after.pageInfo.hasNextPage).toBe(n + 2 < ids.length)
        expect(product.before.pageInfo.hasPreviousPage).toBe(n > 1)
        expect(product.after.totalCount).toBe(ids.length)
      }
    }
  })

  it("cross-tenant: with another tenant's cursor it is refused", async () => {
    const { products } = await a.data('{ products { nodes { variants { pageInfo { startCursor } } } } }')
    const cursors = products.nodes.map((product: Data) => product.variants.pageInfo.startCursor)
    const cursor = cursors.find((found: string | null) => found !== null)
    const { errors } = await b.send(
      'query ($c: String) { products(first: 1) { nodes { variants(after: $c) { nodes { id } } } } }',
      { c: cursor },
    )
    expect(errors).toMatchObject([
      { code: 'BAD_USER_INPUT', message: 'the cursor does not belong to this list' },
    ])
  })
})
