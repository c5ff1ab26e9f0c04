// Valid values for the arguments of generated operations. A new type is covered by its `Create` mutation. An argument
// with a new name needs a line here; until then the tests that generate operations fail and say so.
import { type GraphQLSchema, getNamedType, isObjectType } from 'graphql'
import { disputePayment } from '../shop/support/disputes.ts'
import {
  connectSandbox,
  makeCustomer,
  makeProduct,
  makeVariant,
  payOrder,
  placeOrder,
  refundPayment,
} from '../shop/support/shop.ts'
import type { Api, Session, TenantKey } from './api.ts'
import { makeExport } from './make-export.ts'
import { documentOf, type Given, type Place, requiredArguments, type Slot } from './operations.ts'
import { grantSupport, invitee, newMember } from './people.ts'
import { unique } from './unique.ts'

type Maker = (api: Api, tenant: TenantKey) => Promise<string>

/**
 * Makers of records of types that need more than their `Create` mutation's arguments, or have none; the version is 1.
 */
const RECORDS: Record<string, Maker> = {
  Product: (api, tenant) => makeProduct(api.as(tenant)),
  Variant: async (api, tenant) => (await makeVariant(api.as(tenant))).id,
  Customer: (api, tenant) => makeCustomer(api.as(tenant)),
  Order: async (api, tenant) => {
    const customerId = await makeCustomer(api.as(tenant))
    const { id } = await makeVariant(api.as(tenant))
    return (await placeOrder(api.as(tenant), customerId, [{ variantId: id, quantity: 1 }])).id
  },
  Payment: async (api, tenant) => await payOrder(api, tenant, await (RECORDS.Order as Maker)(api, tenant)),
  Refund: async (api, tenant) =>
    await refundPayment(api.as(tenant), await (RECORDS.Payment as Maker)(api, tenant), 100n),
  Dispute: async (api, tenant) =>
    await disputePayment(api, tenant, await (RECORDS.Payment as Maker)(api, tenant)),
  PaymentProvider: connectSandbox,
  Member: async (api, tenant) => (await newMember(api, tenant)).id,
  Invitation: async (api, tenant) => (await invitee(api, tenant)).id,
  SupportGrant: (api, tenant) => grantSupport(api.as(tenant)),
}

/** The person who was invited last, per server. */
const lastInvited = new WeakMap<Api, Session>()

/** The caller who may request a field with valid arguments. */
export function askerOf(api: Api, place: Place, tenant: TenantKey): Session {
  const invited = place.name === 'mutation invitationAccept' ? lastInvited.get(api) : undefined
  return invited ?? api.as(tenant)
}

async function providersOf(
  api: Api,
  tenant: TenantKey,
): Promise<{ id: string; status: string; version: number }[]> {
  const source = '{ paymentProviders(first: 2) { nodes { id status version } } }'
  return (await api.as(tenant).data(source)).paymentProviders.nodes
}

/** The active account; of several connected ones, the last. */
async function activeProvider(api: Api, tenant: TenantKey): Promise<string> {
  await connectSandbox(api, tenant)
  return (await providersOf(api, tenant))[0]?.id ?? ''
}

/** A replaced account; the one that replaced it stays active. */
async function replacedProvider(api: Api, tenant: TenantKey): Promise<string> {
  const connect = `mutation { paymentProviderConnect(input: { provider: SANDBOX, webhookSecret: "whsec_${unique('x')}" }) {
    paymentProvider { id } } }`
  const { paymentProvider } = (await api.as(tenant).data(connect)).paymentProviderConnect
  await api.as(tenant).data(connect)
  return paymentProvider.id
}

/** By the argument's name; a name that means something else in one mutation is listed under that mutation. */
const VALUES: Record<string, (api: Api, tenant: TenantKey) => unknown> = {
  idempotencyKey: () => unique('key'),
  expectedVersion: () => 1,
  title: () => unique('Title'),
  handle: () => unique('handle'),
  sku: () => unique('sku'),
  email: () => `${unique('somebody')}@shop.example`,
  name: () => unique('Name'),
  amountMinor: () => '100',
  currency: () => 'USD',
  quantity: () => 1,
  delta: () => 1,
  paymentMethod: () => 'pm_card_visa',
  provider: () => 'SANDBOX',
  hours: () => 1,
  reason: () => unique('Reason'),
  permission: () => 'orders:read',
  permissions: () => 'orders:read',
  'mutation paymentTake: orderId': async (api, tenant) => {
    await connectSandbox(api, tenant)
    return await (RECORDS.Order as Maker)(api, tenant)
  },
  method: () => 'CASH',
  'mutation refundRecord: paymentId': async (api, tenant) => {
    const orderId = await (RECORDS.Order as Maker)(api, tenant)
    const { paymentRecord } = await api
      .as(tenant)
      .data(`mutation ($input: PaymentRecordInput!) { paymentRecord(input: $input) { payment { id } } }`, {
        input: { idempotencyKey: unique('record'), orderId, method: 'CASH' },
      })
    return paymentRecord.payment.id
  },
  'mutation orderFulfill: id': async (api, tenant) => {
    const id = await (RECORDS.Order as Maker)(api, tenant)
    await payOrder(api, tenant, id)
    return id
  },
  'mutation orderFulfill: expectedVersion': () => 2,
  'mutation paymentProviderDisconnect: id': replacedProvider,
  'mutation paymentProviderDisconnect: expectedVersion': () => 2,
  'mutation paymentProviderRotateWebhookSecret: id': activeProvider,
  'mutation paymentProviderRotateWebhookSecret: expectedVersion': async (api, tenant) => {
    await activeProvider(api, tenant)
    return (await providersOf(api, tenant))[0]?.version
  },
  'mutation invitationAccept: token': async (api, tenant) => {
    const { token, session } = await invitee(api, tenant)
    lastInvited.set(api, session)
    return token
  },
  confirmation: (_api, tenant) => (tenant === 'A' ? 'anchor' : 'bollard'),
  'mutation tenantUpdate: expectedVersion': async (api, tenant) =>
    (await api.as(tenant).data('{ viewer { tenant { version } } }')).viewer.tenant.version,
  'query node: id': RECORDS.Order as Maker,
  'query nodes: ids': RECORDS.Order as Maker,
}

/** The argument of a look-up by one of several arguments. */
const LOOK_UPS: Record<string, Maker> = {
  'query order': RECORDS.Order as Maker,
  'query product': RECORDS.Product as Maker,
  'query variant': RECORDS.Variant as Maker,
}

/** What must exist before a field can succeed. */
const BEFOREHAND: Record<string, Maker> = {
  // While an export is running, that one is returned.
  'mutation exportCreate': makeExport,
}

/** Arguments with which a field succeeds, new for every call. */
export async function succeedingArguments(api: Api, place: Place, tenant: TenantKey): Promise<Given> {
  await BEFOREHAND[place.name]?.(api, tenant)
  const id = await LOOK_UPS[place.name]?.(api, tenant)
  return { ...(await validArguments(api, place, tenant)), ...(id !== undefined && { id }) }
}

/** The required arguments of a field, new for every call. Throws for a field without a recipe. */
export async function validArguments(api: Api, place: Place, tenant: TenantKey): Promise<Given> {
  const needed: Slot[] = []
  requiredArguments(place.field, (slot) => needed.push(slot))
  const values = new Map<string, unknown>()
  for (const slot of needed) values.set(slot.path, await makerOf(api.schema, place, slot)(api, tenant))
  return requiredArguments(place.field, ({ path }) => values.get(path))
}

/** For an argument of which only the type is known. */
const BY_TYPE: Record<string, (name: string) => unknown> = {
  String: unique,
  Int: () => 1,
  BigInt: () => '1',
  Boolean: () => true,
  DateTime: () => new Date().toISOString(),
}

function makerOf(
  schema: GraphQLSchema,
  place: Place,
  { name, type, sample }: Slot,
): (api: Api, tenant: TenantKey) => unknown {
  if (typeof sample === 'function') return () => sample() as unknown
  const own = VALUES[`${place.name}: ${name}`] ?? VALUES[name]
  if (own !== undefined) return own
  const record = recordMaker(schema, name === 'id' ? recordOf(schema, place) : typeNamedIn(name))
  if (record !== null) return record
  const typed = BY_TYPE[type]
  if (typed !== undefined) return () => typed(name)
  throw new Error(
    `no valid input can be made for "${name}" of ${place.name}: add a line to test/support/recipes.ts`,
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
  const own = RECORDS[type]
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
