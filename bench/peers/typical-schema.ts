// The GraphQL schema of `typical`, with Bulkhead's names: only what the workloads need.
import SchemaBuilder from '@pothos/core'
import PrismaPlugin, { queryFromInfo } from '@pothos/plugin-prisma'
import RelayPlugin from '@pothos/plugin-relay'
import { GraphQLScalarType } from 'graphql'
import type { PrismaClient } from '../.data/generated/client/client.ts'
import type PrismaTypes from '../.data/generated/pothos.ts'
import { getDatamodel } from '../.data/generated/pothos.ts'
import type { documentedExtension } from './typical-database.ts'
import { placeOrder } from './typical-place-order.ts'

export type Context = {
  readonly tenantId: string
  readonly memberId: string
  readonly email: string
  readonly requestId: string
  readonly db: ReturnType<typeof documentedExtension>
}

type Money = { readonly amountMinor: bigint; readonly currency: string }

export function createSchema(prisma: PrismaClient, fingerprint: (input: unknown) => Uint8Array<ArrayBuffer>) {
  const builder = new SchemaBuilder<{
    Context: Context
    PrismaTypes: PrismaTypes
    DefaultFieldNullability: false
    Scalars: { DateTime: { Input: Date; Output: Date }; BigInt: { Input: bigint; Output: bigint } }
  }>({
    plugins: [RelayPlugin, PrismaPlugin],
    defaultFieldNullability: false,
    relay: { nodesOnConnection: true },
    prisma: { client: prisma, dmmf: getDatamodel() },
  })
  builder.addScalarType(
    'DateTime',
    new GraphQLScalarType<Date, string>({
      name: 'DateTime',
      serialize: (value) => (value as Date).toISOString(),
    }),
  )
  builder.addScalarType(
    'BigInt',
    new GraphQLScalarType<bigint, string>({ name: 'BigInt', serialize: (value) => String(value as bigint) }),
  )

  const MoneyType = builder.objectRef<Money>('Money').implement({
    fields: (t) => ({
      amountMinor: t.expose('amountMinor', { type: 'BigInt' }),
      currency: t.exposeString('currency'),
    }),
  })
  const OrderStatus = builder.enumType('OrderStatus', {
    values: ['PLACED', 'PAID', 'FULFILLED', 'CANCELLED'] as const,
  })

  builder.prismaObject('Customer', {
    fields: (t) => ({ id: t.exposeID('id'), name: t.exposeString('name'), email: t.exposeString('email') }),
  })
  builder.prismaObject('OrderLine', {
    fields: (t) => ({
      id: t.exposeID('id'),
      sku: t.exposeString('sku'),
      quantity: t.exposeInt('quantity'),
      unitPrice: t.field({
        type: MoneyType,
        resolve: ({ unitPriceMinor, currency }) => ({ amountMinor: unitPriceMinor, currency }),
      }),
      total: t.field({
        type: MoneyType,
        resolve: ({ totalMinor, currency }) => ({ amountMinor: totalMinor, currency }),
      }),
    }),
  })
  const Order = builder.prismaObject('Order', {
    fields: (t) => ({
      id: t.exposeID('id'),
      number: t.exposeInt('number'),
      status: t.expose('status', { type: OrderStatus }),
      version: t.exposeInt('version'),
      currency: t.exposeString('currency'),
      placedAt: t.expose('placedAt', { type: 'DateTime' }),
      total: t.field({
        type: MoneyType,
        resolve: ({ totalMinor, currency }) => ({ amountMinor: totalMinor, currency }),
      }),
      customer: t.relation('customer'),
      lines: t.relatedConnection('lines', { cursor: 'tenantId_id', query: { orderBy: { position: 'asc' } } }),
    }),
  })

  builder.queryType({
    fields: (t) => ({
      order: t.prismaField({
        type: 'Order',
        nullable: true,
        args: { id: t.arg.id({ required: true }) },
        resolve: (query, _root, { id }, { db, tenantId }) =>
          db.order.findUnique({ ...query, where: { tenantId_id: { tenantId, id } } }),
      }),
      orders: t.prismaConnection({
        type: 'Order',
        cursor: 'tenantId_id',
        resolve: (query, _root, _args, { db }) =>
          db.order.findMany({ ...query, orderBy: [{ placedAt: 'desc' }, { id: 'desc' }] }),
      }),
    }),
  })

  const UserError = builder
    .objectRef<{ field: string[]; message: string; code: string }>('UserError')
    .implement({
      fields: (t) => ({
        field: t.exposeStringList('field'),
        message: t.exposeString('message'),
        code: t.exposeString('code'),
      }),
    })
  const LineInput = builder.inputType('OrderLineInput', {
    fields: (t) => ({ variantId: t.id({ required: true }), quantity: t.int({ required: true }) }),
  })
  const OrderPlaceInput = builder.inputType('OrderPlaceInput', {
    fields: (t) => ({
      idempotencyKey: t.string({ required: true }),
      customerId: t.id({ required: true }),
      lines: t.field({ type: [LineInput], required: true }),
    }),
  })
  const Payload = builder
    .objectRef<{ order: typeof Order.$inferType | null; userErrors: (typeof UserError.$inferType)[] }>(
      'OrderPlacePayload',
    )
    .implement({
      fields: (t) => ({
        order: t.expose('order', { type: Order, nullable: true }),
        userErrors: t.expose('userErrors', { type: [UserError] }),
      }),
    })
  builder.mutationType({
    fields: (t) => ({
      orderPlace: t.field({
        type: Payload,
        args: { input: t.arg({ type: OrderPlaceInput, required: true }) },
        resolve: async (_root, { input }, context, info) => {
          // The order is made and read in one call, with the requested fields.
          const query = queryFromInfo({ context, info, typeName: 'Order', path: ['order'] })
          const { order, refusal } = await placeOrder(prisma, context, input, fingerprint(input), query)
          return {
            order: order as typeof Order.$inferType | null,
            userErrors: refusal === null ? [] : [refusal],
          }
        },
      }),
    }),
  })
  return builder.toSchema()
}
