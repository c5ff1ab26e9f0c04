// The explorer in a real browser: signing in by code and PKCE, choosing a tenant, and GraphiQL's requests as that
// person.
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectOwner } from '../../src/db/owner.ts'
import { type Api, emailOf, startApi } from '../support/api.ts'
import { chromium, type OpenPage, openPage } from '../support/chromium.ts'

const OWNER_A = emailOf('A', 'OWNER')
const VIEWER_B = emailOf('B', 'VIEWER')
/** A member of both tenants. */
const BOTH = 'both@example.com'
const TEN_MINUTES_MS = 600_000

describe.skipIf(chromium === null)('the explorer', () => {
  let api: Api
  let opened: OpenPage
  let page: Page
  beforeAll(async () => {
    const people = (['A', 'B'] as const).map((key) => ({
      slug: key === 'A' ? 'anchor' : 'bollard',
      name: `Tenant ${key}`,
      members: [
        ...(['OWNER', 'VIEWER'] as const).map((role) => ({ email: emailOf(key, role), name: role, role })),
        { email: BOTH, name: 'Both', role: 'STAFF' as const },
      ],
    }))
    api = await startApi({ people })
    const owner = await connectOwner(api.database.ownerUrl)
    for (const key of ['A', 'B'] as const) {
      await owner.inTenant(api.tenantIds[key], (query) =>
        query('INSERT INTO members (id, email, name, role) VALUES (gen_random_uuid(), $1, $2, $3)', [
          BOTH,
          'Both',
          'STAFF',
        ]),
      )
    }
    await owner.end()
    opened = await openPage()
    page = opened.page
  })
  afterAll(async () => {
    await opened?.close()
    await api?.close()
  })

  const choose = (email: string) => page.click(`button[value="${email}"]`)
  const whoSays = (text: string) => page.locator('#who').getByText(text, { exact: true }).waitFor()
  const chosenTenant = () => page.inputValue('#tenant')
  /** Presses the editor's button, and waits for an answer with this text. */
  const runUntil = async (text: string) => {
    await page.click('.graphiql-execute-button')
    await page.locator('.graphiql-response').getByText(text).first().waitFor()
  }

  it('asks for the person, and GraphiQL then sends requests as that member', async () => {
    await page.goto(api.url)
    await choose(OWNER_A)
    await whoSays(OWNER_A)
    expect(new URL(page.url()).pathname).toBe('/graphiql')
    expect(await chosenTenant()).toBe('anchor')
    await runUntil('Anchor Alpha')
  })

  it('stores no token where another page or a later session could find it', async () => {
    const kept = await page.evaluate<string>(
      'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href, document.documentElement.outerHTML])',
    )
    expect(kept).not.toContain('eyJ')
    expect(await page.evaluate('location.search')).toBe('')
  })

  it('renews its token automatically before it expires', async () => {
    const renewals =
      'performance.getEntriesByType("resource").filter(({ name }) => name.endsWith("/oidc/token")).length'
    expect(await page.evaluate(renewals)).toBe(1)
    await page.evaluate(`{ const now = Date.now; Date.now = () => now() + ${TEN_MINUTES_MS}; 0 }`)
    await runUntil('Anchor Alpha')
    await page.waitForFunction(`${renewals} === 2`)
  })

  it('another load signs in again without asking', async () => {
    await page.goto(`${api.url}/graphiql`)
    await whoSays(OWNER_A)
    await runUntil('Anchor Alpha')
  })

  it('switches to another person', async () => {
    await page.click('#sign-in')
    await choose(VIEWER_B)
    await whoSays(VIEWER_B)
    expect(await chosenTenant()).toBe('bollard')
    await runUntil('Bollard Beta')
  })

  it('guesses no tenant for a member of several, and uses the chosen one', async () => {
    await page.click('#sign-in')
    await page.fill('form.other [name=email]', BOTH)
    await page.click('form.other button')
    await whoSays(BOTH)
    expect(await chosenTenant()).toBe('')
    await runUntil('TENANT_REQUIRED')
    await Promise.all([page.waitForEvent('load'), page.selectOption('#tenant', 'bollard')])
    await whoSays(BOTH)
    expect(await chosenTenant()).toBe('bollard')
    await runUntil('Bollard Beta')
  })

  it.each([
    ['bollard', 'Bollard Beta'],
    ['anchor', 'Anchor Alpha'],
  ])('signs a member of several into %s, under which they were chosen', async (slug, customer) => {
    await page.click('#sign-in')
    await page.click(`section:has(input[value="${slug}"]) button[value="${BOTH}"]`)
    await whoSays(BOTH)
    expect(await chosenTenant()).toBe(slug)
    await runUntil(customer)
  })

  it('keeps the tenant that was chosen afterwards, over the one of signing in', async () => {
    await Promise.all([page.waitForEvent('load'), page.selectOption('#tenant', 'bollard')])
    await whoSays(BOTH)
    expect(await chosenTenant()).toBe('bollard')
  })

  it('says so when no person was chosen', async () => {
    await page.click('#sign-in')
    await page.click('button[name=cancel]')
    await whoSays('not signed in: nobody was chosen')
  })

  it('opens the query of a link, once signed in', async () => {
    await page.goto(`${api.url}/graphiql?query=${encodeURIComponent('{ viewer { member { name } } }')}`)
    await whoSays(BOTH)
    await page.click('#sign-in')
    await choose(OWNER_A)
    await whoSays(OWNER_A)
    await runUntil('"member"')
  })

  it('breaks no rule of its own policies', () => {
    expect(opened.complaints.filter((text) => /policy|Uncaught/i.test(text))).toEqual([])
  })
})
