// Valid values for the arguments of generated operations. A new type is covered by its `Create` mutation. An argument
// with a new name needs a line in its module's samples; until then the tests that generate operations fail and say so.
import { type GraphQLSchema, getNamedType, isObjectType } from 'graphql'
import { isEnd } from '../../src/db/proof/candidates.ts'
import type { Api, Session, TenantKey } from './api.ts'
import {
  documentOf,
  type Given,
  type Place,
  requiredArguments,
  type Slot,
  slotsOf,
  withValue,
} from './operations.ts'
import { type Maker, SAMPLES } from './samples.ts'
import { unique } from './unique.ts'

/** The session that has the permissions to call a field with valid arguments. */
export function askerOf(api: Api, place: Place, tenant: TenantKey): Session {
  return SAMPLES.askers[place.name]?.(api) ?? api.as(tenant)
}

/** Arguments with which a field succeeds, new for every call. An edit changes something: one without a change writes nothing. */
export async function succeedingArguments(api: Api, place: Place, tenant: TenantKey): Promise<Given> {
  await SAMPLES.beforehand[place.name]?.(api, tenant)
  const id = await SAMPLES.lookUps[place.name]?.(api, tenant)
  const given: Given = { ...(await validArguments(api, place, tenant)), ...(id !== undefined && { id }) }
  const change = changeOf(place)
  if (change === undefined) return given
  return withValue(given, change, await makerOf(api.schema, place, change, hour)(api, tenant))
}

/** The text that an edit changes: a name, or else any. */
function changeOf({ field }: Place): Slot | undefined {
  if (!field.name.endsWith('Update')) return undefined
  const texts = slotsOf(field).filter(({ type, name }) => type === 'String' && name !== 'idempotencyKey')
  return texts.find(({ name }) => ['name', 'title'].includes(name)) ?? texts[0]
}

/** The required arguments of a field, new for every call. Throws for a field without a recipe. */
export async function validArguments(api: Api, place: Place, tenant: TenantKey): Promise<Given> {
  hour += HOUR_MS
  // Kept: a record that one of the arguments needs is made by a call with an hour of its own.
  const own = hour
  const needed: Slot[] = []
  requiredArguments(place.field, (slot) => needed.push(slot))
  const values = new Map<string, unknown>()
  for (const slot of needed) values.set(slot.path, await makerOf(api.schema, place, slot, own)(api, tenant))
  return requiredArguments(place.field, ({ path }) => values.get(path))
}

/** For an argument of which only the type is known. */
const BY_TYPE: Record<string, (name: string, hour: number) => unknown> = {
  String: unique,
  Int: () => 1,
  BigInt: () => '1',
  Boolean: () => true,
  Date: () => '2026-01-31',
  DateTime: (name, hour) => new Date(isEnd(name) ? hour + HOUR_MS / 2 : hour).toISOString(),
}

const HOUR_MS = 3_600_000
/** The instants in the arguments of one call. Each call has its own hour, so that no two spans overlap. */
let hour = Date.UTC(2030, 0, 1)

function makerOf(
  schema: GraphQLSchema,
  place: Place,
  { name, type, sample }: Slot,
  hour: number,
): (api: Api, tenant: TenantKey) => unknown {
  if (typeof sample === 'function') return () => sample() as unknown
  const own = SAMPLES.values[`${place.name}: ${name}`] ?? SAMPLES.values[name]
  if (own !== undefined) return own
  const record = recordMaker(schema, name === 'id' ? recordOf(schema, place) : typeNamedIn(name))
  if (record !== null) return record
  const typed = BY_TYPE[type]
  if (typed !== undefined) return () => typed(name, hour)
  throw new Error(
    `no valid input can be made for "${name}" of ${place.name}: add a line to test/<module>/samples.ts`,
  )
}

/** `variantId` → `Variant`. */
function typeNamedIn(argument: string): string {
  const noun = /^(\w+)Id$/.exec(argument)?.[1] ?? ''
  return noun.charAt(0).toUpperCase() + noun.slice(1)
}

/** The type that a look-up or a mutation's payload shows: the type of its `id`. */
function recordOf(schema: GraphQLSchema, { field }: Place): string {
  const shown = schema.getType(getNamedType(field.type).name)
  if (!isObjectType(shown)) return ''
  const types = Object.values(shown.getFields()).map(({ type }) => getNamedType(type).name)
  return [shown.name, ...types].find((name) => recordMaker(schema, name) !== null) ?? ''
}

/** What makes a new record of a type; null: nothing. */
export function recordMaker(schema: GraphQLSchema, type: string): Maker | null {
  const own = SAMPLES.records[type]
  if (own !== undefined) return own
  const name = `${type.charAt(0).toLowerCase()}${type.slice(1)}Create`
  const field = schema.getMutationType()?.getFields()[name]
  if (field === undefined) return null
  return (api, tenant) =>
    create(api, tenant, { name: `mutation ${name}`, operation: 'mutation', path: [], field }, type)
}

async function create(api: Api, tenant: TenantKey, place: Place, type: string): Promise<string> {
  const payload = api.schema.getType(getNamedType(place.field.type).name)
  if (!isObjectType(payload)) throw new Error(`${place.name} answers no object`)
  const shown = Object.values(payload.getFields()).find((field) => getNamedType(field.type).name === type)
  const given = await validArguments(api, place, tenant)
  const source = documentOf(place, given, `{ record: ${shown?.name} { id } userErrors { message } }`)
  const { answer } = await api.as(tenant).data(source, given)
  if (answer.userErrors.length > 0) throw new Error(`${place.name}: ${JSON.stringify(answer.userErrors)}`)
  return answer.record.id
}
