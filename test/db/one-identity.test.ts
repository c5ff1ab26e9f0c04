// One person, one address: SQL and the server give an address the same canonical form, on databases of every locale,
// and no locale's mapping of letters makes one person another.
import { randomInt } from 'node:crypto'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isEmailAddress, normalizeEmail } from '../../src/core/email.ts'
import { createLogger } from '../../src/core/logger.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { examine } from '../../src/db/doctor/doctor.ts'
import { createLocaleDatabase, LOCALES, type LocaleDatabase, type LocaleName } from '../support/locales.ts'

const TENANT = 'aaaaaaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa'
/** Per text: few enough for the server to normalise it. */
const CODE_POINTS_PER_TEXT = 100
const CODE_POINTS_PER_ADDRESS = 50
/** As many characters as fit into a domain in ASCII. */
const CODE_POINTS_PER_DOMAIN = 8
const RANDOM_TEXTS = 20_000
const CODE_POINTS = 0x11_0000
/** The C library's Turkish is missing on some machines; the others come with PostgreSQL. */
const MAY_BE_MISSING: ReadonlySet<LocaleName> = new Set(['libc Turkish'])

/** Everything that a text can contain: no half of a surrogate pair, no NUL. */
const codePoints = Array.from({ length: CODE_POINTS - 1 }, (_, n) => n + 1)
  .filter((code) => code < 0xd800 || code > 0xdfff)
  .map((code) => String.fromCodePoint(code))

function inGroups(ones: string[], size: number): string[][] {
  return Array.from({ length: Math.ceil(ones.length / size) }, (_, n) => ones.slice(n * size, (n + 1) * size))
}

/** Letters with marks, in any order, and other assigned characters. */
const words = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...'AZaz@.İıſKÅΩΣςßǅ',
        '\u0301',
        '\u0307',
        '\u0316',
        '\u0345',
        '\u1100',
        '\u1161',
        '\u11A8',
      ),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 2 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''))
  .filter((text) => !text.includes('\0') && !/\p{Cn}/u.test(text))

/** Of Unicode 17: PostgreSQL's tables are older, and map it to itself. The server refuses it in a domain. */
const YOUNGER_THAN_DATABASES = '\uA7F1'
const local = (within: string) => normalizeEmail(`a${within}b@x.example`)
const domain = (within: string) => normalizeEmail(`a@x${within}y.example`)
/** Only the server refuses unassigned characters, and capitals of other alphabets in a domain. */
const isAssigned = (one: string) => !/\p{Cn}/u.test(one)
const assigned = codePoints.filter(isAssigned)
const takenTogether = inGroups(
  assigned.filter((one) => isEmailAddress(local(one))),
  CODE_POINTS_PER_ADDRESS,
).map((group) => local(group.join('')))
const refusedLocal = assigned.map(local).filter((text) => !isEmailAddress(text))
const takenDomains = inGroups(
  assigned.filter((one) => isEmailAddress(domain(one))),
  CODE_POINTS_PER_DOMAIN,
).map((group) => domain(group.join('')))
/** Those with another form by NFKC: full-width and other compatible letters, and dots. */
const refusedDomains = assigned
  .filter((one) => one !== YOUNGER_THAN_DATABASES)
  .map(domain)
  .filter((text) => !isEmailAddress(text) && (text.normalize('NFKC') !== text || text.includes('\u3002')))
const seed = randomInt(2 ** 31)
/** Made once for all locales, with the server's results. */
type Sweep = { readonly texts: readonly string[]; readonly expected: readonly string[] }
const sweepOf = (texts: readonly string[]): Sweep => ({ texts, expected: texts.map(normalizeEmail) })
const randomTexts = sweepOf(fc.sample(words, { seed, numRuns: RANDOM_TEXTS }))
const sweep = sweepOf(
  inGroups(codePoints, CODE_POINTS_PER_TEXT).map((group) => group.map((one) => `${one}A${one}z`).join('')),
)

it('the sweep includes the known cases', () => {
  for (const one of [
    '\u{13437}',
    '\u{16FE4}',
    '\u{1D159}',
    '\u070F',
    '\u0600',
    '\u{110BD}',
    '\uE000',
    '<',
    ',',
  ])
    expect(refusedLocal).toContain(local(one))
  for (const one of ['\uFF45', '\u3002', '\uFF0E', '\uFF61']) expect(refusedDomains).toContain(domain(one))
  expect(takenTogether.length).toBeGreaterThan(2_000)
  expect(takenDomains.length).toBeGreaterThan(10_000)
})

describe.each(Object.keys(LOCALES) as LocaleName[])('on a database of %s', (locale) => {
  let at: LocaleDatabase | null = null
  let admin: pg.Client
  let database: Database
  beforeAll(async () => {
    at = await createLocaleDatabase(locale)
    if (at === null) return
    admin = new pg.Client({ connectionString: at.adminUrl })
    await admin.connect()
    database = openDatabase({
      url: at.runtimeUrl,
      poolMax: 2,
      namedStatements: true,
      logger: createLogger('silent'),
    })
    await admin.query(`SELECT set_config('app.tenant_id', '${TENANT}', false)`)
    await admin.query(`SELECT app.create_tenant('${TENANT}', 'acme', 'Acme', 'USD')`)
    await admin.query(
      `INSERT INTO members (id, email, name, role) VALUES (gen_random_uuid(), 'admin@acme.example', 'A', 'ADMIN'),
         (gen_random_uuid(), 'jörg@acme.example', 'J', 'OWNER')`,
    )
    await admin.query(
      `INSERT INTO invitations (id, email, role, invited_by, token_hash, expires_at)
       VALUES (gen_random_uuid(), 'izzi@acme.example', 'STAFF', '', '\\x00', now() + interval '1 day')`,
    )
  })
  afterAll(async () => {
    await database?.close()
    await admin?.end()
    await at?.drop()
  })

  it('exists on this machine', () => {
    if (!MAY_BE_MISSING.has(locale)) expect(at).not.toBeNull()
  })

  it('the doctor finds no problem', async ({ skip }) => {
    if (at === null) return skip()
    const findings = await examine(at.runtimeUrl)
    expect(findings.filter(({ level }) => level === 'error')).toEqual([])
  })

  /** The first text for which SQL's form differs from the server's; null: none. */
  async function difference({ texts, expected }: Sweep): Promise<unknown> {
    const { rows } = await admin.query(
      `SELECT given, expected, app.normalize_email(given) AS found
       FROM unnest($1::text[], $2::text[]) AS t (given, expected)
       WHERE app.normalize_email(given) COLLATE "C" <> expected COLLATE "C" LIMIT 1`,
      [texts, expected],
    )
    return rows[0] ?? null
  }

  it('SQL and the server agree on every code point of Unicode, alone and among letters', async ({ skip }) => {
    if (at === null) return skip()
    expect(await difference(sweep)).toBeNull()
  })

  it('and on random texts', async ({ skip }) => {
    if (at === null) return skip()
    expect(await difference(randomTexts), `seed ${seed}`).toBeNull()
  })

  /** At most three texts for which SQL does not give this answer; each is checked alone. */
  async function otherAnswers(texts: readonly string[], answer: boolean): Promise<unknown[]> {
    const sql =
      'SELECT text FROM unnest($1::text[]) AS t (text) WHERE app.is_email(text) IS DISTINCT FROM $2 LIMIT 3'
    return (await admin.query(sql, [texts, answer])).rows
  }

  it('the server and the database agree on every code point that may stand in an address', async ({
    skip,
  }) => {
    if (at === null) return skip()
    expect(await otherAnswers(takenTogether, true)).toEqual([])
    expect(await otherAnswers(refusedLocal, false)).toEqual([])
  })

  it('and on every one in its domain: what mail software maps to another is refused', async ({ skip }) => {
    if (at === null) return skip()
    expect(await otherAnswers(takenDomains, true)).toEqual([])
    expect(await otherAnswers(refusedDomains, false)).toEqual([])
  })

  it('a letter that a locale maps to another makes no two people equal', async ({ skip }) => {
    if (at === null) return skip()
    const found = async (email: string) => (await database.resolveMember('acme', email))?.memberId ?? null
    expect(await found('admin@acme.example')).not.toBeNull()
    expect(await found('ADMIN@ACME.EXAMPLE')).toBe(await found('admin@acme.example'))
    expect(await found('jo\u0308rg@acme.example')).toBe(await found('jörg@acme.example'))
    for (const other of [
      'admİn@acme.example',
      'admın@acme.example',
      'ADMİN@acme.example',
      'adm\u0131\u0307n@acme.example',
    ]) {
      expect([other, await database.resolveMember('acme', other)]).toEqual([other, null])
      expect([other, await database.membershipsOf(other)]).toEqual([other, []])
    }
    expect(await database.membershipsOf('ADMIN@acme.example')).toHaveLength(1)
    expect(await database.resolveMember('acme', 'IZZI@acme.example')).toMatchObject({ memberId: null })
    for (const other of ['İZZİ@acme.example', 'ızzı@acme.example'])
      expect(await database.resolveMember('acme', other)).toBeNull()
  })

  it.each([
    ['members', 'name, role', `'N', 'STAFF'`],
    ['invitations', 'role, invited_by, expires_at', `'STAFF', '', now()`],
  ])('%s hold no address in another form, nor what cannot be seen', async (table, columns, values) => {
    if (at === null) return
    const insert = (email: string) =>
      admin.query(`INSERT INTO ${table} (id, email, ${columns}) VALUES (gen_random_uuid(), $1, ${values})`, [
        email,
      ])
    for (const email of ['New@acme.example', 'jo\u0308@acme.example', '\u212A@acme.example'])
      await expect(insert(email)).rejects.toThrow(`${table}_email_check`)
    for (const email of ['İ@acme.example', 'ı@acme.example']) await insert(email)
    for (const email of [
      'a\u200Bb@acme.example',
      'a b@acme.example',
      'ab\u202E@acme.example',
      'no address',
      'kim<>,@acme.example',
      'kim\u{1D159}@acme.example',
      'kim@\uFF41cme.example',
      'kim@acme\u3002example',
      'kim@acme.example.',
    ])
      await expect(insert(email)).rejects.toThrow(`${table}_email_check`)
  })

  it('a visit of platform staff is recorded once, for any spelling of their address', async ({ skip }) => {
    if (at === null) return skip()
    await admin.query(
      `INSERT INTO support_grants (id, access, reason, granted_by, expires_at)
       VALUES (gen_random_uuid(), 'READ', '', '', now() + interval '1 hour')`,
    )
    for (const email of ['IRIS@platform.example', 'iris@platform.example', 'İris@platform.example'])
      await database.resolveSupport('acme', email)
    const { rows } = await admin.query(
      `SELECT actor_label FROM audit_entries WHERE action = 'supportAccessUse'`,
    )
    expect(new Set(rows.map((row) => row.actor_label))).toEqual(
      new Set(['iris@platform.example', 'İris@platform.example']),
    )
    expect(rows).toHaveLength(2)
  })
})
