// The reference of the schema: it has every type and field, names nothing of a tenant, and can be searched and walked
// through in a browser.
import { readFileSync } from 'node:fs'
import { buildSchema, isInputObjectType, isIntrospectionType, isObjectType } from 'graphql'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Api, startApi } from '../support/api.ts'
import { chromium, type OpenPage, openPage } from '../support/chromium.ts'

const PHONE = { width: 390, height: 844 }

let api: Api
beforeAll(async () => {
  api = await startApi({ people: [] })
})
afterAll(() => api?.close())

const reference = async () => await (await fetch(`${api.url}/reference`)).text()

it('has each type and field of schema.graphql, under an id of its own', async () => {
  const html = await reference()
  const ids = [...html.matchAll(/ id="([\w.]+)"/g)].map(([, id]) => id)
  expect(ids).toHaveLength(new Set(ids).size)
  const schema = buildSchema(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'))
  const wanted = Object.values(schema.getTypeMap())
    .filter((type) => !isIntrospectionType(type))
    .flatMap((type) => {
      const fields = isObjectType(type) || isInputObjectType(type) ? Object.keys(type.getFields()) : []
      const own = type === schema.getQueryType() || type === schema.getMutationType() ? [] : [type.name]
      return [...own, ...fields.map((name) => `${type.name}.${name}`)]
    })
  expect(wanted.filter((id) => !ids.includes(id))).toEqual([])
  const targets = [...html.matchAll(/href="#([\w.-]+)"/g)].map(([, id = '']) => id)
  expect(targets.filter((id) => !html.includes(` id="${id}"`))).toEqual([])
})

it('says which permission a query and a mutation need, and what a field costs', async () => {
  const html = await reference()
  const card = (id: string) => html.slice(html.indexOf(` id="${id}"`)).split('</article>')[0]
  expect(card('Query.orders')).toContain('<span class="needs">orders:read</span>')
  expect(card('Mutation.orderPlace')).toContain('<span class="needs">orders:write</span>')
  expect(card('OrderConnection')).toContain('<span class="cost">10 points</span>')
})

it('loads nothing from elsewhere, and runs no script but its own', async () => {
  const { headers } = await fetch(`${api.url}/reference`)
  const policy = headers.get('content-security-policy') ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("script-src 'self';")
  expect(policy).not.toMatch(/https?:|\*|unsafe/)
  expect(await reference()).not.toMatch(/<script(?! type="module" src="\/reference\/reference.js">)|\son\w+=/)
})

describe.skipIf(chromium === null)('in a browser', () => {
  let opened: OpenPage
  let page: Page
  beforeAll(async () => {
    opened = await openPage()
    page = opened.page
  })
  afterAll(() => opened?.close())

  const target = () => page.evaluate<string | null>('document.querySelector(":target")?.id ?? null')

  it('is linked from the explorer', async () => {
    expect(await (await fetch(`${api.url}/graphiql`)).text()).toContain('href="/reference"')
  })

  it('finds a mutation by a part of its name, and leads to its input', async () => {
    await page.goto(`${api.url}/reference`)
    await page.keyboard.press('/')
    await page.keyboard.type('orderpl')
    expect(await page.locator('#results li').first().textContent()).toMatch(/^Mutation.orderPlace/)
    await page.keyboard.press('Enter')
    expect(await target()).toBe('Mutation.orderPlace')
    expect(await page.locator('article[id="Mutation.orderPlace"]').isVisible()).toBe(true)
    await page.click('article[id="Mutation.orderPlace"] a:text-is("OrderPlaceInput")')
    expect(await target()).toBe('OrderPlaceInput')
    await page.click('dt[id="OrderPlaceInput.lines"] a:text-is("OrderLineInput")')
    expect(await target()).toBe('OrderLineInput')
  })

  it('says so when nothing is found, and shows the subjects again', async () => {
    await page.fill('#search', 'nothing of this name')
    expect(await page.locator('#results').textContent()).toBe('Nothing has this name.')
    await page.fill('#search', '')
    expect(await page.locator('#subjects nav').isVisible()).toBe(true)
  })

  it('fits a phone', async () => {
    await page.setViewportSize(PHONE)
    await page.goto(`${api.url}/reference#Mutation.orderPlace`)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(PHONE.width)
    await page.fill('#search', 'refundcreate')
    await page.click('#results a:has-text("Mutation.refundCreate")')
    expect(await target()).toBe('Mutation.refundCreate')
    expect(await page.locator('#results').isVisible()).toBe(false)
  })

  it('breaks no rule of its own policy', () => {
    expect(opened.complaints).toEqual([])
  })
})
