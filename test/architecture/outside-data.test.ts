// Outside data is `unknown` until a schema has parsed it. TypeScript keeps an `unknown` out of a filter; a cast, or the
// `any` of JSON.parse, lets it in: this test finds those in the sources.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const SRC = fileURLToPath(new URL('../../src', import.meta.url))

/** Files that read only our own data, each with the data. */
const OWN: Readonly<Record<string, string>> = {
  'shop/sandbox/store.ts': 'the books of the sandbox, which it alone writes',
  'development/mailbox.ts': 'mails that this process put into files',
}
/** Reads an object's parts by hand, each as `unknown`. */
const PARTS: Readonly<Record<string, string>> = {
  'jobs/run-schedule.ts': 'the schedule that this program gives to the queue',
  'desk/audit/export-route.ts': 'a query string, each of whose parts is then checked',
}

/** The ways in which an unparsed value becomes a typed one. */
const BREACHES: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['takes JSON for what it should be', /(?<!\w\.(?:parse|safeParse)\()JSON\.parse\((?!.*\bas unknown\b)/],
  ['takes an answer for what it should be', /\.json\(\)(?!.*\bas unknown\b)/],
  ['takes a provider’s object for what its library says', /\bas (?:unknown as )?(?:Partial<)?Stripe\./],
  ['takes a body, a query or a payload for what it should be', /\.(?:body|query|payload) as (?!unknown\b)/],
  ['has a filter that is not of a type', /\bwhere: [^\n]*\bas (?:any|never|Prisma\.)/],
]

/** One line each. */
function breachesIn(path: string, text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const code = line.replace(/^\s*(?:\/\/|\*|\/\*).*/, '')
    const isOwn = path in OWN || path in PARTS || path.startsWith('generated/')
    return BREACHES.filter(([, pattern]) => !isOwn && pattern.test(code)).map(
      ([what]) => `${path} ${what}: ${line.trim()}`,
    )
  })
}

function sources(): [path: string, text: string][] {
  const paths = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))
  return paths.map((path) => [path.replaceAll('\\', '/'), readFileSync(join(SRC, path), 'utf8')])
}

it('nothing from outside is taken for what it should be', () => {
  const found = sources()
  expect(found.length).toBeGreaterThan(50)
  expect(found.flatMap(([path, text]) => breachesIn(path, text))).toEqual([])
  const modules = new Set(found.map(([path]) => path.split('/')[0]))
  for (const path of [...Object.keys(OWN), ...Object.keys(PARTS)])
    if (modules.has(path.split('/')[0] ?? '')) expect(found.map(([known]) => known)).toContain(path)
})

describe('the rule', () => {
  it.each([
    'const event = JSON.parse(text)',
    'const { id } = JSON.parse(text) as Event',
    'return (await response.json()) as Answer',
    'const event = value as Partial<Stripe.Event> | null',
    'const refund = object as unknown as Stripe.Refund',
    'const { id } = request.body as { id: string }',
    'const { id } = event.payload as Prisma.InputJsonObject',
    'await tx.refund.updateMany({ where: filter as any, data })',
  ])('finds %s', (line) => {
    expect(breachesIn('shop/payments/a.ts', line)).toHaveLength(1)
  })

  it.each([
    'const event = schema.parse(JSON.parse(text))',
    'const event = schema.safeParse(JSON.parse(text))',
    'value = JSON.parse(text) as unknown',
    '// const event = JSON.parse(text)',
    'const intent = intentSchema.parse(await stripe.paymentIntents.cancel(reference))',
  ])('lets %s be', (line) => {
    expect(breachesIn('shop/payments/a.ts', line)).toEqual([])
  })
})
