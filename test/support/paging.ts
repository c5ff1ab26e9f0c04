// The laws of paging, against a list that PostgreSQL sorts as a whole: any walk gives each row once, in order. The tests of
// each module name its lists.
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { encodeId } from '../../src/core/ids.ts'
import type { Api, Session } from './api.ts'
import { asOwner } from './database.ts'

/** Enough pages of a few rows each; walks of one row at a time stay short. */
const RUNS = 12

export interface List {
  name: string
  /** The field, with `$page` standing for its paging arguments. */
  field: string
  prefix: string
  /** The ids of the list in its order, as PostgreSQL sorts them. */
  sql: string
}

/** SQL for the ids of a table's rows, in an order such as `title asc`. */
export function ordered(table: string, order: string, where = 'true'): string {
  const direction = order.split(' ').at(-1)
  return `SELECT id FROM ${table} WHERE ${where} ORDER BY ${order}, id ${direction}`
}

interface PageOf {
  nodes: { id: string }[]
  edges: { cursor: string; node: { id: string } }[]
  pageInfo: {
    hasNextPage: boolean
    hasPreviousPage: boolean
    startCursor: string | null
    endCursor: string | null
  }
  totalCount: number
}

const PAGE = `{ nodes { id } edges { cursor node { id } } totalCount
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }`

async function page(session: Session, list: List, args: Record<string, unknown>): Promise<PageOf> {
  return (await session.data(`{ list: ${list.field.replace('$page', argumentsOf(args))} ${PAGE} }`)).list
}

function argumentsOf(args: Record<string, unknown>): string {
  const given = Object.entries(args).filter(([, value]) => value !== undefined)
  return given.map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join(', ')
}

async function oracle(api: Api, { prefix, sql }: List): Promise<string[]> {
  const { rows } = await asOwner(api.database, api.tenantIds.A, (owner) => owner.query(sql))
  return rows.map(({ id }) => encodeId(prefix, id))
}

const ids = ({ nodes }: PageOf) => nodes.map(({ id }) => id)

/** Tests of walks, windows and refusals. `api`: tenants A and B have rows in each list. */
export function itPagesLists(lists: readonly List[], api: () => Api): void {
  describe.each(lists)('$name', (list) => {
    let all: string[]
    beforeAll(async () => {
      all = await oracle(api(), list)
      expect(all.length).toBeGreaterThan(3)
    })

    it('walked forward or backward, in pages of any size, gives each row once, in order', async () => {
      const size = fc.oneof(fc.integer({ min: 3, max: 12 }), fc.constant(100), fc.constant(all.length))
      await fc.assert(
        fc.asyncProperty(size, fc.boolean(), async (rows, backward) => {
          const walked: string[] = []
          let cursor: string | null | undefined
          for (let more = true; more; ) {
            const args = backward ? { last: rows, before: cursor } : { first: rows, after: cursor }
            const at: PageOf = await page(api().as('A'), list, args)
            if (backward) walked.unshift(...ids(at))
            else walked.push(...ids(at))
            expect(at.totalCount).toBe(all.length)
            more = backward ? at.pageInfo.hasPreviousPage : at.pageInfo.hasNextPage
            cursor = backward ? at.pageInfo.startCursor : at.pageInfo.endCursor
          }
          expect(walked).toEqual(all)
        }),
        { numRuns: 4 },
      )
    })

    it('cross-tenant: another tenant’s cursor is refused', async () => {
      const { pageInfo } = await page(api().as('A'), list, { first: 2 })
      for (const args of [{ after: pageInfo.endCursor }, { before: pageInfo.endCursor }]) {
        const field = list.field.replace('$page', argumentsOf(args))
        const { errors } = await api().as('B').send(`{ list: ${field} { nodes { id } } }`)
        expect(errors).toMatchObject([
          { code: 'BAD_USER_INPUT', message: 'the cursor does not belong to this list' },
        ])
      }
    })

    it('between any two cursors, in either direction, is what the whole list has there', async () => {
      const cursors: string[] = []
      for (let after: string | undefined; cursors.length < all.length; after = cursors.at(-1))
        cursors.push(
          ...(await page(api().as('A'), list, { first: 100, after })).edges.map(({ cursor }) => cursor),
        )
      const position = fc.option(fc.integer({ min: 0, max: all.length - 1 }), { nil: undefined })
      await fc.assert(
        fc.asyncProperty(
          position,
          position,
          fc.integer({ min: 1, max: 9 }),
          fc.boolean(),
          async (after, before, size, backward) => {
            const window = all.slice(after === undefined ? 0 : after + 1, before)
            const expected = backward ? window.slice(-size) : window.slice(0, size)
            const answer = await page(api().as('A'), list, {
              ...(backward ? { last: size } : { first: size }),
              after: after === undefined ? undefined : cursors[after],
              before: before === undefined ? undefined : cursors[before],
            })
            expect(ids(answer)).toEqual(expected)
            expect(answer.edges.map(({ node }) => node.id)).toEqual(expected)
            expect(answer.pageInfo.startCursor).toBe(answer.edges[0]?.cursor ?? null)
            expect(answer.pageInfo.endCursor).toBe(answer.edges.at(-1)?.cursor ?? null)
            const more = window.length > expected.length
            expect(backward ? answer.pageInfo.hasPreviousPage : answer.pageInfo.hasNextPage).toBe(more)
          },
        ),
        { numRuns: RUNS },
      )
    })
  })
}
