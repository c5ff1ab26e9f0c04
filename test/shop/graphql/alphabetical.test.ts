// Names are sorted as people of the tenant's language sort, by an index.
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROOT_COLLATION } from '../../../src/core/collation.ts'
import { newId } from '../../../src/core/ids.ts'
import { DATAMODEL } from '../../../src/db/datamodel.ts'
import { examine } from '../../../src/db/doctor/doctor.ts'
import { connectOwner } from '../../../src/db/owner.ts'
import { compileRead } from '../../../src/db/reader/read-sql.ts'
import { makeSortIndexes } from '../../../src/desk/tenants/sort-indexes.ts'
import { inLanguage } from '../../../src/graphql/collation.ts'
import type { Context } from '../../../src/graphql/context.ts'
import { planPage } from '../../../src/graphql/keyset.ts'
import { ALPHABETICAL, sortOf } from '../../../src/graphql/sorts.ts'
import { type Api, type Session, startApi, type TenantKey } from '../../support/api.ts'
import { asOwner, asRuntime } from '../../support/database.ts'

const ROWS_OF_PLANS = 20_000
const RANDOM_ROWS = 200

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

/** Replaces the tenant's customers, and its language, in the database: the API has its own tests. */
async function fill(tenant: TenantKey, locale: string, names: readonly string[]): Promise<void> {
  await asOwner(api.database, api.tenantIds[tenant], async (owner) => {
    await owner.query('UPDATE tenants SET locale = $1', [locale])
    await owner.query('DELETE FROM customers')
    await owner.query(
      `INSERT INTO customers (id, name, email)
       SELECT gen_random_uuid(), name, n || '@shop.example' FROM unnest($1::text[]) WITH ORDINALITY AS t (name, n)`,
      [names],
    )
  })
}

const setLocale = (tenant: TenantKey, locale: string) =>
  asOwner(api.database, api.tenantIds[tenant], (owner) =>
    owner.query('UPDATE tenants SET locale = $1', [locale]),
  )

async function makeIndexes(): Promise<string[]> {
  const owner = await connectOwner(api.database.ownerUrl)
  try {
    return await makeSortIndexes(owner, ALPHABETICAL)
  } finally {
    await owner.end()
  }
}

async function sorted(session: Session, args = ''): Promise<string[]> {
  const { customers } = await session.data(
    `{ customers(sortKey: NAME, first: 100${args}) { nodes { name } } }`,
  )
  return customers.nodes.map(({ name }: { name: string }) => name)
}

const NAMES = ['zebra', 'Äpfel', 'Zoë', 'Banana', 'Ångström', 'apple', 'banana', 'Émile', 'Öl', 'eclair']
const ENGLISH = ['Ångström', 'Äpfel', 'apple', 'banana', 'Banana', 'eclair', 'Émile', 'Öl', 'zebra', 'Zoë']
const SWEDISH = ['apple', 'banana', 'Banana', 'eclair', 'Émile', 'zebra', 'Zoë', 'Ångström', 'Äpfel', 'Öl']

describe('the order of names', () => {
  it('is by letters, not by case and code points', async () => {
    await fill('A', 'en', NAMES)
    expect(await sorted(api.as('A'))).toEqual(ENGLISH)
    expect(await sorted(api.as('A'), ', reverse: true')).toEqual(ENGLISH.toReversed())
  })

  it('is that of the tenant’s language, once it has its indexes; cross-tenant: of no other’s', async () => {
    await fill('A', 'sv-SE', NAMES)
    await fill('B', 'en', NAMES)
    expect(await sorted(api.as('A'))).toEqual(ENGLISH)
    expect(await makeIndexes()).toEqual(['sv_customers_name_idx', 'sv_products_title_idx'])
    expect(await makeIndexes()).toEqual([])
    expect(await sorted(api.as('A'))).toEqual(SWEDISH)
    expect(await sorted(api.as('B'))).toEqual(ENGLISH)
  })

  it('tells the operator once of a language without its indexes', async () => {
    const warned: unknown[] = []
    const context = {
      caller: {
        database: { readText: async () => `{is,${ROOT_COLLATION}}` },
        logger: { warn: (details: unknown) => warned.push(details) },
      },
    } as unknown as Context
    const sort = sortOf('Customer', 'name', 'alphabetical')
    for (let n = 0; n < 2; n += 1)
      expect(await inLanguage(sort, context)).toMatchObject({ collation: ROOT_COLLATION })
    expect(warned).toEqual([{ collation: 'is-x-icu', table: 'customers', column: 'name' }])
  })

  it('codes are sorted by code points', async () => {
    const { customers } = await api
      .as('A')
      .data('{ customers(sortKey: EMAIL, first: 100) { nodes { email } } }')
    const emails = customers.nodes.map(({ email }: { email: string }) => email)
    expect(emails).toEqual(emails.toSorted())
    expect(emails).toHaveLength(NAMES.length)
  })
})

it('a cursor from before the tenant’s language changed is refused, and says why', async () => {
  await fill('A', 'sv', NAMES)
  await makeIndexes()
  const { customers } = await api
    .as('A')
    .data('{ customers(sortKey: NAME, first: 2) { pageInfo { endCursor } } }')
  const after = JSON.stringify(customers.pageInfo.endCursor)
  const rest = `{ customers(sortKey: NAME, first: 100, after: ${after}) { nodes { name } } }`
  expect((await api.as('A').data(rest)).customers.nodes).toHaveLength(NAMES.length - 2)
  await setLocale('A', 'en')
  const { errors } = await api.as('A').send(rest)
  expect(errors).toMatchObject([
    {
      code: 'BAD_USER_INPUT',
      message:
        'this list is sorted by another language than when the cursor was made: start again from its first page',
    },
  ])
})

it.each(['en', 'sv', 'es'])(
  '%s: pages in both directions give each of many names once, in the order of Intl.Collator',
  async (locale) => {
    const seed = Date.now()
    // Letters that ICU has sorted alike for long: the server's is older than Node's.
    const unit = fc.constantFrom(...'abnozABNOZ äöåéñÄÖÅÉÑ')
    const names = fc
      .sample(fc.string({ unit, minLength: 1, maxLength: 6 }), { numRuns: RANDOM_ROWS, seed })
      .map((name) => `x${name}x`)
    await fill('A', locale, names)
    await makeIndexes()
    const { compare } = new Intl.Collator(locale)
    const walk = async (backward: boolean) => {
      const walked: string[] = []
      let cursor: string | null = null
      for (let more = true; more; ) {
        const place: string =
          cursor === null ? '' : `, ${backward ? 'before' : 'after'}: ${JSON.stringify(cursor)}`
        const { customers } = await api.as('A').data(
          `{ customers(sortKey: NAME, ${backward ? 'last' : 'first'}: 23${place}) {
             nodes { name } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`,
        )
        const page = customers.nodes.map(({ name }: { name: string }) => name)
        if (backward) walked.unshift(...page)
        else walked.push(...page)
        more = backward ? customers.pageInfo.hasPreviousPage : customers.pageInfo.hasNextPage
        cursor = backward ? customers.pageInfo.startCursor : customers.pageInfo.endCursor
      }
      return walked
    }
    const forward = await walk(false)
    expect(await walk(true), `seed ${seed}`).toEqual(forward)
    expect(forward.toSorted(), `seed ${seed}`).toEqual(names.toSorted())
    const misplaced = forward.filter(
      (name, place) => place > 0 && compare(forward[place - 1] ?? '', name) > 0,
    )
    expect(misplaced, `seed ${seed}`).toEqual([])
  },
)

describe('a page behind the wall', () => {
  beforeAll(async () => {
    await setLocale('A', 'sv')
    await makeIndexes()
    await asOwner(api.database, api.tenantIds.A, async (owner) => {
      await owner.query(
        `INSERT INTO customers (id, name, email)
         SELECT gen_random_uuid(), md5(n::text), 'plan' || n || '@shop.example' FROM generate_series(1, ${ROWS_OF_PLANS}) n`,
      )
      await owner.query('ANALYZE customers')
    })
  })

  it.each([
    ['en', ROOT_COLLATION, 'customers_tenant_id_name_id_idx'],
    ['sv', 'sv-x-icu', 'sv_customers_name_idx'],
  ])('%s: starts within the index at the cursor, and sorts nothing', async (_, collation, index) => {
    const tenantId = api.tenantIds.A
    const list = { tenantId, type: 'CustomerConnection' }
    const sort = { ...sortOf('Customer', 'name', 'alphabetical'), collation }
    const value = 'b'
    for (const args of [{ first: 20 }, { last: 20 }]) {
      const { orderBy, take } = planPage(args, sort, list)
      const [from, compared] = 'last' in args ? ['lte', 'lt'] : ['gte', 'gt']
      const beyond = {
        AND: [
          { name: { [from as string]: value, collate: collation } },
          { OR: [{ name: { [compared as string]: value, collate: collation } }, { id: { gt: newId() } }] },
        ],
      }
      const query = { where: beyond, select: { id: true }, orderBy, take }
      const { text, values } = compileRead(DATAMODEL, 'Customer', query, tenantId)
      const plan = await asRuntime(api.database, tenantId, async (client) => {
        const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, [...values])
        return rows.map((row) => row['QUERY PLAN']).join('\n')
      })
      expect(plan).toMatch(new RegExp(`Index (Only )?Scan (Backward )?using ${index}`))
      expect(plan).toMatch(/Index Cond: .*name >=|Index Cond: .*name <=/)
      expect(plan).not.toContain('Sort')
    }
  })

  it('each alphabetical list has its index; the start refuses one without', async () => {
    const sorts = (columns = ALPHABETICAL) =>
      examine(api.database.runtimeUrl, { alphabetical: columns }).then((findings) =>
        findings.filter(({ code }) => code === 'sort-index-missing'),
      )
    expect(ALPHABETICAL.length).toBeGreaterThan(0)
    expect(await sorts()).toEqual([])
    expect(await sorts([{ table: 'customers', column: 'email' }])).toMatchObject([
      {
        level: 'error',
        object: 'public.customers',
        message: expect.stringContaining(
          'CREATE INDEX ON "customers" ("tenant_id", "email" COLLATE "und-x-icu", "id")',
        ),
      },
    ])
  })
})
