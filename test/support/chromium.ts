// Owns: a real browser. Needs Chromium, which npm does not bring.
import { existsSync } from 'node:fs'
import { type Page, chromium as playwright } from 'playwright-core'

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]
const WAIT_MS = 15_000

/** Null: this machine has none, and the tests that need it are skipped. */
export const chromium: string | null = PLACES.find((path) => existsSync(path)) ?? null

export type OpenPage = {
  readonly page: Page
  /** What the page complained of: errors, and what its policy refused. */
  readonly complaints: readonly string[]
  close(): Promise<void>
}

/** Opens an empty page in a browser of its own, without history. */
export async function openPage(): Promise<OpenPage> {
  const browser = await playwright.launch({ executablePath: chromium ?? '', args: ['--no-sandbox'] })
  const page = await browser.newPage()
  page.setDefaultTimeout(WAIT_MS)
  const complaints: string[] = []
  page.on('pageerror', ({ message }) => complaints.push(`Uncaught ${message}`))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  return { page, complaints, close: () => browser.close() }
}
