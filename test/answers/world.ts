// Two databases seeded alike, with awkward data; on each of them servers that compile operations, and servers that leave all of them to
// graphql-js.
import { type GrantablePermission, PERMISSIONS, ROLES } from '../../src/auth/permissions.ts'
import { encodeId } from '../../src/core/ids.ts'
import { NODE_TYPES } from '../../src/graphql/node-ids.ts'
import { VISIBILITY } from '../../src/graphql/visibility.ts'
import { type Api, startApi, type TenantKey } from '../support/api.ts'
import { apiKeyWith, letSupportIn, supportToken } from '../support/credentials.ts'
import { asSuperuser, copyDatabase, type TestDatabase } from '../support/database.ts'
import { documentOf, placesOf } from '../support/operations.ts'
import { succeedingArguments } from '../support/recipes.ts'
import { SAMPLES } from '../support/samples.ts'
import { makeSecrets, rowsOf } from '../walls/every-field.ts'
import type { Seeded } from './alike.ts'
import { type Compiled, compiledFields } from './compiled-fields.ts'
import type { Draw, Place, ValueFor } from './random-operations.ts'

export type Caller = {
  readonly who: string
  readonly tenant: TenantKey
  readonly authorization: string
  /** Has all permissions that fields of queries need. */
  readonly mayAll: boolean
}

export type World = {
  readonly api: Api
  readonly callers: readonly Caller[]
  readonly valueFor: ValueFor
  readonly compiled: Compiled
  readonly argumentsFor: (mutation: string) => Readonly<Record<string, unknown>> | null
  /** Both on one database. */
  readonly queries: { readonly compiled: Api; readonly plain: Api }
  /** On databases that were seeded alike. */
  readonly mutations: { readonly compiled: Api; readonly plain: Api }
  /** What the databases had when they were alike. What was made later differs in its ids and times. */
  readonly seeded: Seeded
  readonly close: () => Promise<void>
}

/** The servers' clock: cost and budgets are the same whenever a request arrives. */
const NOW = new Date('2026-07-01T10:00:00.000Z')
const TENANTS = ['A', 'B'] as const
const KEYS_RANDOM = 4
/** How many cursors of each list are known: a request with another tenant's is refused. */
const CURSORS = { A: 10, B: 2 }

export async function makeWorld(draw: Draw): Promise<World> {
  const api = await startApi()
  // Records of every type in both tenants, and rows in every table.
  await makeSecrets(api)
  const callers = await makeCallers(api, draw)
  const given = await givenArguments(api)
  await makeAwkward(api.database, draw)
  const known = await knownValues(api)
  const { database, tenantIds } = api
  const copy = await copyDatabase(database)
  const open = (on: TestDatabase, compiles: boolean) =>
    startApi({ on: { database: on, tenantIds }, compiles, clock: () => NOW, poolMax: 3 })
  const servers = [
    await open(database, true),
    await open(database, false),
    await open(database, true),
    await open(copy, false),
  ] as const
  return {
    api,
    callers,
    seeded: { at: new Date(), uuids: known.uuids },
    valueFor: valuesOf(known),
    compiled: compiledFields(api.schema),
    argumentsFor: (mutation) => {
      const all = given.get(mutation) ?? []
      return all.length === 0 ? null : draw.of(all)
    },
    queries: { compiled: servers[0], plain: servers[1] },
    mutations: { compiled: servers[2], plain: servers[3] },
    close: async () => {
      for (const server of [...servers, api]) await server.close()
    },
  }
}

/** Members of every role, keys with all permissions, without one, and with some, and platform staff. */
async function makeCallers(api: Api, draw: Draw): Promise<Caller[]> {
  const callers: Caller[] = []
  const all = PERMISSIONS as readonly GrantablePermission[]
  /** With any of a rule's permissions the caller sees the rows that it hides. */
  const seeing = [...VISIBILITY.values()].flatMap(({ unless }) => unless)
  for (const tenant of TENANTS) {
    const add = (who: string, credential: string, mayAll = false) =>
      callers.push({ who: `${tenant}'s ${who}`, tenant, authorization: `Bearer ${credential}`, mayAll })
    const key = (permissions: readonly GrantablePermission[]) => apiKeyWith(api, tenant, permissions)
    for (const role of ROLES) {
      const { authorization } = api.as(tenant, role)
      callers.push({ who: `${tenant}'s ${role}`, tenant, authorization, mayAll: role === 'OWNER' })
    }
    add('key with all permissions', await key(all), true)
    const without = (left: readonly string[]) => key(all.filter((one) => !left.includes(one)))
    // It may read all fields, and some rows are hidden from it.
    add('key that does not see all rows', await without(seeing), true)
    for (const left of draw.some(all, 2)) add(`key without ${left}`, await without([left]))
    for (let count = 0; count < KEYS_RANDOM; count += 1) {
      const some = draw.some(all, 3 + draw.below(all.length - 3))
      add(`key with ${some.join(', ')}`, await key(some))
    }
    await letSupportIn(api, tenant, { access: 'READ' })
    add('support', supportToken(tenant))
  }
  return callers
}

/** For each mutation the arguments of a few calls that succeed. */
async function givenArguments(api: Api): Promise<Map<string, Record<string, unknown>[]>> {
  const given = new Map<string, Record<string, unknown>[]>()
  for (const place of placesOf(api.schema)) {
    if (place.operation !== 'mutation') continue
    const calls: Record<string, unknown>[] = []
    for (const tenant of ['A', 'A', 'B'] as const) calls.push(await succeedingArguments(api, place, tenant))
    given.set(place.field.name, calls)
  }
  return given
}

type Known = {
  /** By the type of the node; both tenants'. */
  readonly ids: ReadonlyMap<string, readonly string[]>
  /** By the type of the list; both tenants'. */
  readonly cursors: ReadonlyMap<string, readonly string[]>
  readonly uuids: ReadonlySet<string>
  readonly texts: readonly string[]
  readonly times: readonly string[]
}

async function knownValues(api: Api): Promise<Known> {
  const ids = new Map<string, string[]>()
  const uuids = new Set<string>()
  const texts = new Set<string>()
  const times = new Set<string>()
  for (const tenant of TENANTS)
    for (const [table, rows] of Object.entries(await rowsOf(api.database, api.tenantIds[tenant]))) {
      const prefix = SAMPLES.prefixes[table]
      for (const row of rows) {
        uuids.add(String(row.id))
        if (prefix !== undefined) {
          const type = String(NODE_TYPES.get(prefix))
          ids.set(type, [...(ids.get(type) ?? []), encodeId(prefix, row.id as string)])
        }
        for (const value of Object.values(row)) {
          if (typeof value !== 'string' || value.length > 60) continue
          if (/^\d{4}-\d\d-\d\dT/.test(value)) times.add(value)
          else if (!/^[0-9a-f-]{36}$|^\\\\x/.test(value)) texts.add(value)
        }
      }
    }
  return { ids, uuids, texts: [...texts], times: [...times], cursors: await knownCursors(api) }
}

async function knownCursors(api: Api): Promise<Map<string, string[]>> {
  const cursors = new Map<string, string[]>()
  for (const tenant of TENANTS)
    for (const place of placesOf(api.schema)) {
      if (!place.field.args.some(({ name }) => name === 'after')) continue
      const type = String(place.field.type).replaceAll(/[[\]!]/g, '')
      const { data } = await api.as(tenant).send(documentOf(place, {}, '{ edges { cursor } }'))
      cursors.set(type, [...(cursors.get(type) ?? []), ...cursorsIn(data).slice(0, CURSORS[tenant])])
    }
  return cursors
}

function cursorsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'cursor' ? [inner as string] : cursorsIn(inner),
  )
}

function valuesOf({ ids, cursors, texts, times }: Known): ValueFor {
  const all = [...ids.values()].flat()
  return valueAt

  function valueAt({ type, name, returned }: Place, draw: Draw): unknown {
    if (name === 'first' || name === 'last')
      return draw.chance(0.015) ? draw.of([0, -1, 101]) : 1 + draw.below(4)
    if (name === 'after' || name === 'before') {
      const own = cursors.get(returned) ?? []
      if (own.length > 0 && draw.chance(0.95)) return draw.of(own)
      return draw.of(['', 'nonsense', ...draw.some([...cursors.values()].flat(), 2)])
    }
    switch (type) {
      case 'ID':
        return idFor(name, returned, draw)
      case 'Int':
        return draw.of([0, 1, 2, 3, -1, 2_147_483_647])
      case 'Boolean':
        return draw.chance(0.5)
      case 'BigInt':
        return draw.of(['0', '1', '-1', '100', '1000', '9223372036854775807', 5])
      case 'Decimal':
        return draw.of(['0', '1.00', '19.99', '-5.5'])
      case 'Currency':
        return draw.of(['USD', 'JPY', 'KWD', 'EUR'])
      case 'Date':
        return draw.of(['2026-01-31', '2026-02-28', '2026-02-01'])
      case 'DateTime':
        return draw.chance(0.7) && times.length > 0
          ? new Date(draw.of(times)).toISOString()
          : draw.of(['2026-01-31T00:00:00Z', '2999-12-31T23:59:59.999Z', '1970-01-01T00:00:00.000+02:00'])
      default:
        return draw.chance(0.6)
          ? draw.of(texts)
          : draw.of(['', ' ', 'a', '"quoted" \\ {x}', 'ünïcode 😀', 'nobody has this'])
    }
  }

  function idFor(name: string, returned: string, draw: Draw): string {
    if (draw.chance(0.05)) return draw.of(['', 'nonsense', 'cust_0', `${draw.of(all)}x`])
    const named = name === 'id' || name === 'ids' ? returned : name.replace(/Ids?$/, '')
    const type = `${named.charAt(0).toUpperCase()}${named.slice(1)}`.replace(/Connection$/, '')
    const own = ids.get(type)
    return draw.of(own !== undefined && draw.chance(0.93) ? own : all)
  }
}

const LONG = 'Lorem ipsum "dolor" \\ sit {amet}, '.repeat(120)
const TEXTS = [
  '',
  ' ',
  '"',
  '\\',
  '\\\\"',
  '{}',
  '{"a",NULL}',
  'NULL',
  'null',
  ',',
  '{',
  '}',
  'Zoë 😀 漢字',
  '\u2028\u0001\t\n\r',
  '\u007f\u0080',
  LONG,
]
const NUMBERS = ['0', '-1', '1', '-12345', '999', '2147483647', '9007199254740993', '-9223372036854775808']
const TIMES = [
  '2026-02-03T04:05:06Z',
  '2026-02-03T04:05:06.700Z',
  '2026-02-03T04:05:06.789Z',
  '2026-02-03T04:05:06.789123Z',
  '1969-12-31T23:59:59.999999Z',
  '0099-01-01T00:00:00Z',
  '9999-12-31T23:59:59Z',
]
const AWKWARD: Readonly<Record<string, readonly (string | null)[]>> = {
  text: [...TEXTS, null],
  bpchar: ['JPY', 'KWD', 'EUR', null],
  int4: [...NUMBERS.slice(0, 6), null],
  int8: [...NUMBERS, null],
  timestamptz: [...TIMES, null],
  bool: ['true', 'false', null],
  _text: ['{}', '{""}', '{"\\"","\\\\","a b","{}","NULL",NULL}', '{NULL}', null],
}
/** Of these the callers are made. */
const LEFT_ALONE = new Set(['tenants', 'members', 'api_keys', 'idempotency_keys', 'support_grants'])
const ROWS_PER_COLUMN = 2
/** Some rows are hidden by their status. */
const ROWS_PER_ENUM = 20

/** Puts values into the rows, wherever the database takes them: the API may have none of them from a client. */
async function makeAwkward(database: TestDatabase, draw: Draw): Promise<void> {
  await asSuperuser(database, async (client) => {
    // No triggers: they would refuse to change what never changes.
    await client.query('SET LOCAL session_replication_role = replica')
    const { rows } = await client.query<{ table: string; column: string; type: string }>(
      `SELECT c.table_name AS table, c.column_name AS column, c.udt_name AS type FROM information_schema.columns c
       JOIN information_schema.tables t USING (table_schema, table_name)
       WHERE table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.is_generated = 'NEVER' AND EXISTS (
         SELECT FROM information_schema.columns o
         WHERE o.table_name = c.table_name AND o.table_schema = 'public' AND o.column_name = 'tenant_id')
       ORDER BY 1, 2`,
    )
    const { rows: enums } = await client.query<{ type: string; label: string }>(
      'SELECT typname AS type, enumlabel AS label FROM pg_enum JOIN pg_type t ON t.oid = enumtypid ORDER BY 1, 2',
    )
    for (const { table, column, type } of rows) {
      const labels = enums.flatMap((one) => (one.type === type ? [one.label] : []))
      const values = AWKWARD[type] ?? labels
      if (values.length === 0 || LEFT_ALONE.has(table)) continue
      const changed = labels.length > 0 ? ROWS_PER_ENUM : ROWS_PER_COLUMN
      for (let count = 0; count < changed; count += 1) {
        await client.query('SAVEPOINT before')
        const text = `UPDATE "${table}" SET "${column}" = $1 WHERE ctid =
          (SELECT ctid FROM "${table}" ORDER BY tenant_id, ctid OFFSET $2 % (SELECT greatest(count(*), 1) FROM "${table}") LIMIT 1)`
        await client
          .query(text, [draw.of(values), draw.below(1_000)])
          .catch(() => client.query('ROLLBACK TO before'))
      }
    }
  })
}
