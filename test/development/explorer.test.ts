// The explorer in a real browser: signing in by code and PKCE, choosing a tenant, and GraphiQL asking as that person.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectOwner } from '../../src/db/owner.ts'
import { type Api, emailOf, startApi } from '../support/api.ts'
import { chromium, openPage, type Page } from '../support/chromium.ts'

const OWNER_A = emailOf('A', 'OWNER')
const VIEWER_B = emailOf('B', 'VIEWER')
/** A member of both tenants. */
const BOTH = 'both@example.com'
const TEN_MINUTES_MS = 600_000

describe.skipIf(chromium === null)('the explorer', () => {
  let api: Api
  let page: Page
  beforeAll(async () => {
    const people = (['A', 'B'] as const).map((key) => ({
      slug: key === 'A' ? 'anchor' : 'bollard',
      name: `Tenant ${key}`,
      members: (['OWNER', 'VIEWER'] as const).map((role) => ({
        email: emailOf(key, role),
        name: role,
        role,
      })),
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
    page = await openPage()
  })
  afterAll(async () => {
    await page?.close()
    await api?.close()
  })

  const click = (selector: string) =>
    page.value(`document.querySelector(${JSON.stringify(selector)}).click()`)
  const choose = async (email: string) => {
    await page.until('document.title === "Choose who you are"')
    await click(`button[value="${email}"]`)
  }
  const signedInAs = (email: string) =>
    page.until(`document.querySelector('#who')?.textContent === ${JSON.stringify(email)}`)
  const chosenTenant = () => page.value<string>('document.querySelector("#tenant").value')
  /** Presses the editor's button, and waits for an answer with this text. */
  const runUntil = async (text: string) => {
    await page.until('document.querySelector(".graphiql-execute-button") !== null')
    await click('.graphiql-execute-button')
    // The editor writes a space that does not break.
    const shown = 'document.querySelector(".graphiql-response")?.textContent.replaceAll("\\u00a0", " ")'
    await page.until(`${shown}.includes(${JSON.stringify(text)})`)
  }

  it('asks who one is, and GraphiQL then asks as that member', async () => {
    await page.goTo(`${api.url}/graphiql`)
    await choose(OWNER_A)
    await signedInAs(OWNER_A)
    expect(await chosenTenant()).toBe('anchor')
    await runUntil('Anchor Alpha')
  })

  it('keeps no token where another page or another day would find it', async () => {
    const kept = await page.value<string>(
      'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href, document.documentElement.outerHTML])',
    )
    expect(kept).not.toContain('eyJ')
    expect(await page.value('location.search')).toBe('')
  })

  it('renews its token by itself before it expires', async () => {
    const renewals =
      'performance.getEntriesByType("resource").filter(({ name }) => name.endsWith("/oidc/token")).length'
    expect(await page.value(renewals)).toBe(1)
    await page.value(`{ const now = Date.now; Date.now = () => now() + ${TEN_MINUTES_MS}; 0 }`)
    await runUntil('Anchor Alpha')
    await page.until(`${renewals} === 2`)
  })

  it('another load signs in again without asking', async () => {
    await page.goTo(`${api.url}/graphiql`)
    await signedInAs(OWNER_A)
    await runUntil('Anchor Alpha')
  })

  it('lets one be somebody else', async () => {
    await click('#sign-in')
    await choose(VIEWER_B)
    await signedInAs(VIEWER_B)
    expect(await chosenTenant()).toBe('bollard')
    await runUntil('Bollard Beta')
  })

  it('guesses no tenant for a member of several, and asks for the one that is chosen', async () => {
    await click('#sign-in')
    await page.until('document.title === "Choose who you are"')
    await page.value(`{
      const form = document.querySelector('form.other')
      form.querySelector('[name=email]').value = ${JSON.stringify(BOTH)}
      form.querySelector('button').click()
    }`)
    await signedInAs(BOTH)
    expect(await chosenTenant()).toBe('')
    await runUntil('TENANT_REQUIRED')
    await page.value(`{
      const choice = document.querySelector('#tenant')
      choice.value = 'bollard'
      window.isBefore = true
      choice.dispatchEvent(new Event('change'))
    }`)
    await page.until('window.isBefore === undefined')
    await signedInAs(BOTH)
    expect(await chosenTenant()).toBe('bollard')
    await runUntil('Bollard Beta')
  })

  it('says so when nobody was chosen', async () => {
    await click('#sign-in')
    await page.until('document.title === "Choose who you are"')
    await click('button[name=cancel]')
    await page.until('document.querySelector("#who")?.textContent === "not signed in: nobody was chosen"')
  })

  it('opens the query of a link, once signed in', async () => {
    await page.goTo(`${api.url}/graphiql?query=${encodeURIComponent('{ viewer { member { name } } }')}`)
    await signedInAs(BOTH)
    await click('#sign-in')
    await choose(OWNER_A)
    await signedInAs(OWNER_A)
    await runUntil('"member"')
  })

  it('breaks no rule of its own policies', () => {
    expect(page.complaints.filter((text) => /policy|Uncaught/i.test(text))).toEqual([])
  })
})
