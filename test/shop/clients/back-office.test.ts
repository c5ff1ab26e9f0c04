// A merchant's day in a back office: a page of another origin, in a real browser, with Apollo Client, on the demo data. The
// page (back-office/) is written as docs/clients.md says, compiled strictly with generated types. Each test asserts what the
// page shows, and what it sent.
import { fileURLToPath } from 'node:url'
import type { Page, Request } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createLogger } from '../../../src/core/logger.ts'
import { seedDemo } from '../../../src/shop/demo/seed.ts'
import { bundle, type PageServer, servePage } from '../../edge/other-origin/page-server.ts'
import { type Api, type Data, startApi } from '../../support/api.ts'
import { chromium, type OpenPage, openPage } from '../../support/chromium.ts'
import { type Frontend, makeFrontend } from '../docs/clients/frontend.ts'

const APP = fileURLToPath(new URL('back-office', import.meta.url))
const PAGE = 5
const PRICES = 200
const DAYS = { from: '2026-10-02', until: '2026-10-31' }
const MEMBERS = ['owner', 'staff', 'viewer'] as const
type Member = (typeof MEMBERS)[number]
const emailOf = (member: Member) => `${member}@acme.example`

/** What a page sent to the API. */
type Sent = { operation: string; input: Data }

describe.skipIf(chromium === null)('a back office', () => {
  let api: Api
  let site: PageServer
  let frontend: Frontend
  let opened: OpenPage
  let page: Page
  const sent: Sent[] = []

  beforeAll(async () => {
    const people = MEMBERS.map((member) => ({
      email: emailOf(member),
      name: member,
      role: member.toUpperCase() as 'OWNER' | 'STAFF' | 'VIEWER',
    }))
    ;[api, frontend] = await Promise.all([
      startApi({
        people: [{ slug: 'acme', name: 'Acme', members: people }],
        crossOrigins: { listed: [], loopback: true },
      }),
      makeFrontend({ app: APP }),
    ])
    const [script] = await Promise.all([
      bundle(frontend.pathOf('src/app/app.ts')),
      seedDemo({ ownerUrl: api.database.ownerUrl, logger: createLogger('silent') }),
    ])
    site = await servePage(script)
    opened = await openPage()
    page = opened.page
    await signIn(page, 'owner')
  })
  afterAll(async () => {
    await opened?.close()
    await Promise.all([site?.close(), api?.close(), frontend?.remove()])
  })
  beforeEach(() => {
    sent.length = 0
  })

  async function signIn(at: Page, member: Member): Promise<void> {
    at.on('request', (request) => {
      if (request.method() === 'POST' && request.url() === `${api.url}/graphql`) sent.push(sentBy(request))
    })
    await at.goto(`${site.origin}/?api=${encodeURIComponent(api.url)}`)
    await at.click(`button[value="${emailOf(member)}"]`)
    await isOpen(at)
  }
  /** The page of another person, in a browser profile of their own. */
  async function pageOf(member: Member): Promise<Page> {
    const context = await page.context().browser()?.newContext()
    if (context === undefined) throw new Error('the browser is closed')
    const other = await context.newPage()
    await signIn(other, member)
    return other
  }

  const open = (view: string, given: object = {}, at = page) =>
    at.evaluate(`open(${JSON.stringify(view)}, ${JSON.stringify(given)})`)
  const reload = async () => {
    await page.reload()
    await isOpen(page)
  }
  const isOpen = (at: Page) => at.waitForSelector('#tenant')
  const press = (id: string, at = page) => at.click(`#${id}`)
  const lines = async (id: string, at = page): Promise<string[]> =>
    ((await at.textContent(`#${id}`)) ?? '').split('\n')
  const shows = (id: string, at = page) => expect.poll(() => lines(id, at))
  /** By both clicks of a double click, and by retries while the first is running. */
  const sentByOneKey = async (operation: string) => {
    const keys = () =>
      sent.filter((one) => one.operation === operation).map(({ input }) => input.idempotencyKey)
    await expect.poll(() => keys().length).toBeGreaterThan(1)
    expect(new Set(keys()).size).toBe(1)
    expect(sent.filter(({ input }) => input === null)).toEqual([])
  }
  const operations = () => sent.map(({ operation }) => operation)

  it('is compiled under strict, exactOptionalPropertyTypes and noUncheckedIndexedAccess', async () => {
    expect(await frontend.run('tsc', '-p', '.').catch(({ stdout }) => stdout)).toBe('')
  })

  it('shows a dashboard by one request', async () => {
    await open('openDashboard', DAYS)
    await shows('who').toEqual(['owner@acme.example OWNER Acme Outfitters'])
    const sales = await lines('sales')
    expect(sales).toHaveLength(30)
    expect(sales[0]).toMatch(/^2026-10-02 \d+ \d+\.\d\d USD$/)
    expect(await lines('top')).toHaveLength(3)
    expect((await lines('counts')).map((line) => line.split(' ')[0])).toEqual([
      'PLACED',
      'PAID',
      'FULFILLED',
      'CANCELLED',
    ])
    expect(await lines('low-stock')).toEqual([expect.stringMatching(/^[1-9]\d*$/)])
    expect((await lines('buyers'))[4]).toMatch(/ \d+ \d+\.\d\d USD$/)
    expect(await lines('books')).toEqual(['balanced true'])
    expect(operations()).toEqual(['BackOfficeDashboard'])
  })

  it.each(['staff', 'viewer'] as const)('shows %s the same, and why a part is missing', async (member) => {
    const other = await pageOf(member)
    await open('openDashboard', DAYS, other)
    await shows('books', other).toEqual(['not shown: FORBIDDEN'])
    expect(await lines('failed', other)).toEqual(['books'])
    expect(await lines('who', other)).toEqual([`${emailOf(member)} ${member.toUpperCase()} Acme Outfitters`])
    for (const id of ['sales', 'top', 'counts', 'low-stock', 'buyers'])
      expect([id, await lines(id, other)]).toEqual([id, await lines(id)])
    await other.context().close()
  })

  it.each([
    ['orders', 'openOrders', { filter: { status: ['FULFILLED'] } }, / FULFILLED /],
    ['customers', 'openCustomers', { filter: { country: 'US' } }, /^cust_/],
    ['products', 'openProducts', { filter: { status: ['ACTIVE'] } }, /./],
  ] as const)(
    'lists %s with a filter, and pages both ways from a link into the list',
    async (id, view, given, row) => {
      await open(view, given)
      await shows(id).toHaveLength(PAGE)
      const after = (await lines(`${id}-end`))[0]
      for (const pages of [2, 3]) {
        await press(`${id}-next`)
        await shows(id).toHaveLength(pages * PAGE)
      }
      const all = await lines(id)
      expect(new Set(all).size).toBe(3 * PAGE)
      expect(all.filter((line) => !row.test(line))).toEqual([])

      await reload()
      await open(view, { ...given, after })
      await shows(id).toEqual(all.slice(PAGE, 2 * PAGE))
      await press(`${id}-previous`)
      await shows(id).toEqual(all.slice(0, 2 * PAGE))
      await press(`${id}-next`)
      await shows(id).toEqual(all)
      expect(sent).toHaveLength(6)
    },
  )

  it('merges an edit with what a colleague changed, and lets the user decide what both did', async () => {
    const colleague = await pageOf('staff')
    await open('openCustomers', { filter: { country: 'US' } })
    await shows('customers').toHaveLength(PAGE)
    const [id = ''] = (await lines('customers'))[0]?.split(' ') ?? []
    await Promise.all([open('openCustomer', { id }), open('openCustomer', { id }, colleague)])
    await colleague.fill('#name', 'Aaliyah Both')
    await press('save-customer', colleague)
    await shows('saved', colleague).toEqual([expect.stringMatching(/^\d+ Aaliyah Both /)])

    sent.length = 0
    await page.fill('#phone', '+1 212 5550100')
    await press('save-customer')
    await shows('saved').toEqual([expect.stringMatching(/^\d+ Aaliyah Both \+1 212 5550100$/)])
    expect(await lines('customers')).toContain(`${id} Aaliyah Both +1 212 5550100`)
    expect(operations()).toEqual(['EditCustomer', 'EditCustomer'])

    await open('openCustomer', { id }, colleague)
    await colleague.fill('#phone', '+1 212 5550111')
    await press('save-customer', colleague)
    await shows('saved', colleague).toEqual([expect.stringMatching(/5550111$/)])
    await page.fill('#phone', '+1 212 5550122')
    await press('save-customer')
    await shows('conflict').toEqual(['phone +1 212 5550111'])
    await press('save-customer')
    await shows('saved').toEqual([expect.stringMatching(/Both \+1 212 5550122$/)])
    await colleague.context().close()
  })

  it('raises 200 prices in one call, once for a double click', async () => {
    await open('openPrices')
    await shows('prices').toHaveLength(PRICES / 2)
    await press('more-prices')
    await shows('prices').toHaveLength(PRICES)
    const raised = (await lines('prices')).map((line) => {
      const [sku, amount] = line.split(' ')
      return `${sku} ${(Number(amount) + 1).toFixed(2)} USD`
    })
    sent.length = 0
    await page.dblclick('#raise')
    await shows('prices').toEqual(raised)
    await shows('raised').toEqual([String(PRICES), ''])
    await sentByOneKey('SetPrices')
    expect(await lines('prices')).toEqual(raised)
  })

  it('refunds a piece of an order and puts it back into stock, once for a double click', async () => {
    await open('openOrders', { filter: { status: ['PAID'] } })
    await shows('orders').toHaveLength(PAGE)
    const number = Number((await lines('orders'))[0]?.split(' ')[0])
    await open('openOrder', { number })
    await shows('order').toEqual([`${number} PAID 0.00 USD`])
    const [line = ''] = await lines('lines')
    const [sku, quantity, , , available] = line.split(' ')
    sent.length = 0
    await page.dblclick('#refund')
    await shows('lines').toContain(`${sku} ${quantity} 1 1 ${Number(available) + 1}`)
    expect((await lines('order'))[0]).toMatch(/^\d+ PARTIALLY_REFUNDED [1-9]/)
    expect((await lines('timeline'))[0]).toBe('REFUNDED owner@acme.example DAMAGED')
    await sentByOneKey('BackOfficeRefund')
  })

  it('adds a note to the order, and shows it in its history', async () => {
    await page.fill('#note-text', 'The parcel was wet')
    const before = await lines('timeline')
    await page.dblclick('#note')
    await shows('timeline').toEqual(['NOTE_ADDED owner@acme.example The parcel was wet', ...before])
    await sentByOneKey('BackOfficeNote')
  })

  it('says what a viewer may not do, by the same page', async () => {
    const other = await pageOf('viewer')
    const number = Number((await lines('order'))[0]?.split(' ')[0])
    await open('openOrder', { number }, other)
    await shows('order', other).toEqual(await lines('order'))
    expect(await lines('timeline', other)).toEqual(await lines('timeline'))
    await press('refund', other)
    await shows('problem', other).toEqual([expect.stringContaining('payments:refund')])
    await other.context().close()
  })

  it('complained of nothing', () => {
    expect(opened.complaints).toEqual([])
  })
})

function sentBy(request: Request): Sent {
  const { operationName, variables } = request.postDataJSON() as Data
  return { operation: operationName, input: variables?.input ?? null }
}
