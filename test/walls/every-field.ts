// Checks that one field keeps the tenants apart, for every value that its arguments can take. The fields come from the
// schema; valid values from recipes.ts.
import { isDeepStrictEqual } from 'node:util'
import pg from 'pg'
import { encodeId, isUuid, newId } from '../../src/core/ids.ts'
import { type NodeName, nodeId } from '../../src/graphql/node-ids.ts'
import type { Answer, Api, Data } from '../support/api.ts'
import { asSuperuser, type TestDatabase } from '../support/database.ts'
import {
  documentOf,
  documentsOf,
  type Given,
  type Place,
  type Slot,
  slotsOf,
  withValue,
} from '../support/operations.ts'
import { askerOf, recordMaker, succeedingArguments, validArguments } from '../support/recipes.ts'
import { fillTenant, SAMPLES } from '../support/samples.ts'
import { unique } from '../support/unique.ts'
import { fillEmptyTables } from './filled-tables.ts'

/** The nesting of every selection; less for `node`, which is requested for many types at once. */
const DEPTH = 3
const NODE_DEPTH = 2
/** How many ids of one type, cursors of one list or texts of one column are tried. */
const TRIED_MAX = 2
/** Shorter texts appear in answers by chance. */
const TELLING_LENGTH_MIN = 6

/** A's values that B must not see or reach. */
export interface Secrets {
  ids: { prefix: string; id: string }[]
  /** The types whose objects every tenant has, with the same ids: no secrets. */
  shared: string[]
  /** One column's texts, by the column's name. */
  texts: Map<string, string[]>
  /** Every text and id of A's rows that B's rows do not have. */
  telling: string[]
  /** What B has written itself during the test: B may see that. */
  written: string[]
}

type Rows = Record<string, Record<string, unknown>[]>

/** All rows of a tenant, table by table. */
export async function rowsOf(database: TestDatabase, tenantId: string): Promise<Rows> {
  return await asSuperuser(database, async (client) => {
    const { rows: tables } = await client.query<{ name: string }>(
      `SELECT table_name AS name FROM information_schema.columns
       WHERE table_schema = 'public' AND column_name = 'tenant_id' ORDER BY 1`,
    )
    const all: Rows = {}
    for (const { name } of tables) {
      const { rows } = await client.query(
        `SELECT to_jsonb(t) AS row FROM ${pg.escapeIdentifier(name)} t WHERE tenant_id = $1 ORDER BY to_jsonb(t)::text`,
        [tenantId],
      )
      all[name] = rows.map(({ row }) => row)
    }
    return all
  })
}

/** Fills both tenants, and returns A's values. */
export async function makeSecrets(api: Api): Promise<Secrets> {
  for (const tenant of ['A', 'B'] as const) await fillTenant(api, tenant)
  const { ids, shared } = await makeOthers(api)
  await fillEmptyTables(api)
  const secrets = await secretsOf(api)
  return { ...secrets, ids: [...secrets.ids, ...ids], shared }
}

/** A record of A's, and one of B's, of every type that the modules did not fill. Returns A's ids. */
async function makeOthers(api: Api): Promise<Pick<Secrets, 'ids' | 'shared'>> {
  const rows = await rowsOf(api.database, api.tenantIds.A)
  const ids: Secrets['ids'] = []
  const shared: string[] = []
  for (const { name } of api.schema.getPossibleTypes(api.schema.getType('Node') as never)) {
    const prefix = prefixOf(nodeId(name as NodeName, newId()))
    if (Object.entries(SAMPLES.prefixes).some(([table, known]) => known === prefix && rows[table]?.length))
      continue
    const make = recordMaker(api.schema, name)
    const other = await make?.(api, 'B')
    const id = await make?.(api, 'A')
    if (id === undefined) continue
    if (id === other) shared.push(name)
    else ids.push({ prefix, id })
  }
  return { ids, shared }
}

const prefixOf = (id: string) => id.slice(0, id.lastIndexOf('_'))

async function secretsOf(api: Api): Promise<Omit<Secrets, 'shared'>> {
  const rows = await rowsOf(api.database, api.tenantIds.A)
  const known = new Set(textsIn(await rowsOf(api.database, api.tenantIds.B)))
  const telling = new Set<string>()
  for (const text of textsIn(rows)) {
    if (known.has(text) || text.length < TELLING_LENGTH_MIN || isInstant(text)) continue
    telling.add(text)
    // In the API an id has another form than in the database.
    if (isUuid(text)) telling.add(encodeId('x', text).slice('x_'.length))
  }
  const ids = Object.entries(SAMPLES.prefixes).flatMap(([table, prefix]) =>
    (rows[table] ?? []).slice(0, TRIED_MAX).map(({ id }) => ({ prefix, id: encodeId(prefix, id as string) })),
  )
  return { ids, texts: textsByColumn(rows, known), telling: [...telling], written: [] }
}

const isInstant = (text: string) => /^\d{4}-\d\d-\d\dT/.test(text)

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(textsIn)
}

function textsByColumn(rows: Rows, known: ReadonlySet<string>): Map<string, string[]> {
  const texts = new Map<string, string[]>()
  for (const row of Object.values(rows).flat()) {
    for (const [column, value] of Object.entries(row)) {
      if (typeof value !== 'string' || isUuid(value) || isInstant(value) || known.has(value)) continue
      const found = texts.get(column) ?? []
      if (found.length < TRIED_MAX && !found.includes(value)) texts.set(column, [...found, value])
    }
  }
  return texts
}

const depthOf = ({ name }: Place) => (/^query nodes?$/.test(name) ? NODE_DEPTH : DEPTH)

/** A value of A's for one argument, and a similar one that nobody has. */
interface Attempt {
  foreign: unknown
  absent: unknown
}

/** Every way in which a field showed B something of A's, or let B change it. Empty when it keeps them apart. */
export async function leaksOf(api: Api, place: Place, secrets: Secrets): Promise<string[]> {
  const leaks: string[] = []
  const before = await rowsOf(api.database, api.tenantIds.A)
  const own = await ask(api, place, await succeedingArguments(api, place, 'B'))
  leaks.push(...tellingIn(own, secrets, []).map((text) => `its own answer tells ${text}`))
  for (const slot of slotsOf(place.field)) leaks.push(...(await leaksThrough(api, place, slot, secrets)))
  const after = await rowsOf(api.database, api.tenantIds.A)
  for (const table of Object.keys(before))
    if (!isDeepStrictEqual(before[table], after[table])) leaks.push(`rows of A's ${table} were changed`)
  return leaks
}

async function leaksThrough(api: Api, place: Place, slot: Slot, secrets: Secrets): Promise<string[]> {
  const leaks: string[] = []
  const attempts = await attemptsOn(api, place, slot, secrets)
  if (attempts.length === 0) return []
  const isWritten = place.operation === 'mutation' && slot.type === 'String'
  let valid = await validArguments(api, place, 'B')
  for (const { foreign, absent } of attempts) {
    if (isWritten) secrets.written.push(foreign as string)
    const answers: Answer[] = []
    for (const value of [foreign, absent]) {
      answers.push(await ask(api, place, withValue(withNewKey(valid), slot, value)))
      // A text is accepted and changes the record; an id is refused and changes nothing.
      if (isWritten) valid = await validArguments(api, place, 'B')
    }
    const [told, untold] = answers as [Answer, Answer]
    const where = `${slot.path} = ${JSON.stringify(foreign)}`
    if (comparable(place, told, foreign) !== comparable(place, untold, absent))
      leaks.push(`${where} is answered ${shown(told)}, but one that nobody has ${shown(untold)}`)
    leaks.push(...tellingIn(told, secrets, [foreign]).map((text) => `${where} tells ${text}`))
  }
  return leaks
}

/** The same arguments with a new key, so that it is no repetition. */
export function withNewKey(given: Given): Given {
  const input = given.input as Given | undefined
  if (input?.idempotencyKey === undefined) return given
  return { ...given, input: { ...input, idempotencyKey: unique('key') } }
}

/** Why a call that must succeed failed, or null: tests of refusals alone would prove nothing. */
export async function failureOf(api: Api, place: Place): Promise<string | null> {
  const { data, errors } = await ask(api, place, await succeedingArguments(api, place, 'B'))
  if (errors.length > 0) return shown({ data, errors, extensions: {} })
  const userErrors = textsIn(Object.entries(data.answer ?? {}).filter(([key]) => key.endsWith('userErrors')))
  return userErrors.some((text) => text.endsWith('UserError')) ? JSON.stringify(data) : null
}

/** The answer with all its fields. Where they take several operations, `data` is the list of their answers. */
async function ask(api: Api, place: Place, given: Given): Promise<Answer> {
  // With many parents the page is smaller, because of its cost.
  const depth = place.path.length > 0 ? DEPTH - 2 : depthOf(place)
  const [source = '', ...others] = documentsOf(api.schema, place, given, depth)
  const asker = askerOf(api, place, 'B')
  const answer = await asker.send(source, given)
  if (others.length === 0) return answer
  if (place.operation === 'mutation') throw new Error(`the fields of ${place.name} take several operations`)
  const answers = [answer]
  for (const other of others) answers.push(await asker.send(other, given))
  const errors = answers.flatMap((one) => one.errors)
  return { data: answers.map(({ data }) => data), errors, extensions: {} }
}

async function attemptsOn(api: Api, place: Place, slot: Slot, { ids, texts }: Secrets): Promise<Attempt[]> {
  if (slot.type === 'ID')
    return ids.map(({ prefix, id }) => ({ foreign: id, absent: encodeId(prefix, newId()) }))
  if (isCursor(slot))
    return (await cursorsOf(api, place)).map((cursor) => ({
      foreign: cursor,
      absent: Buffer.from(newId()).toString('base64url'),
    }))
  const own = SAMPLES.foreign[slot.name]
  if (own !== undefined) return [{ foreign: await own.of(api, 'A'), absent: own.absent }]
  if (slot.type !== 'String' || slot.name === 'idempotencyKey') return []
  const known = texts.get(column(slot)) ?? [...texts.values()].flat()
  const tried = slot.name === 'query' ? known : known.slice(0, TRIED_MAX)
  return tried.map((text) => ({ foreign: text, absent: absentLike(text) }))
}

const isCursor = ({ name }: Slot) => name === 'after' || name === 'before'
const column = ({ name }: Slot) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** A text of the same form: letters are replaced, other characters stay. */
function absentLike(text: string): string {
  return text.replace(/[a-z]{2}/i, (letters) => (letters === 'qx' ? 'xq' : 'qx'))
}

async function cursorsOf(api: Api, place: Place): Promise<string[]> {
  const source = documentOf(place, {}, '{ edges { cursor } }')
  const { data } = await api.as('A').send(source)
  return cursorsIn(data).slice(0, TRIED_MAX)
}

function cursorsIn(value: Data): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'cursor' ? [inner as string] : cursorsIn(inner),
  )
}

/** What must be equal in two answers: everything for a query; whether it succeeded and the errors for a mutation. */
function comparable(place: Place, { data, errors }: Answer, given: unknown): string {
  const answer = place.operation === 'query' ? data : outcomeOf(data?.answer)
  // The given value may appear in the answer, such as a product's new title.
  return JSON.stringify({ answer, errors }).replaceAll(inJson(given), '<given>')
}

function outcomeOf(payload: Record<string, unknown> | undefined): unknown {
  return Object.entries(payload ?? {}).map(([key, value]) =>
    key === 'userErrors' ? [key, value] : [key, value === null],
  )
}

function tellingIn(answer: Answer, { telling, written }: Secrets, given: readonly unknown[]): string[] {
  const text = given.reduce<string>(
    (rest, value) => rest.replaceAll(inJson(value), ''),
    JSON.stringify(answer),
  )
  return telling.filter(
    (secret) => text.includes(secret) && !written.some((own) => asHandle(own).includes(asHandle(secret))),
  )
}

/** The form that titles and their handles share. */
const asHandle = (text: string) => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
const inJson = (value: unknown) => JSON.stringify(value).replaceAll(/^"|"$/g, '')
const shown = (answer: Answer) => JSON.stringify(answer).slice(0, 400)
