// Stock: the level of a variant, its movements, and the mutation that books a change.

import type { StockLevel, Variant as VariantRow } from '../../generated/prisma/client.ts'
import { anyOf } from '../../graphql/any-of.ts'
import { builder, type SchemaTypes } from '../../graphql/builder.ts'
import { pageArgs, relationListField } from '../../graphql/connections.ts'
import { valuesOfEnum } from '../../graphql/described-values.ts'
import { addManyMutation } from '../../graphql/many-mutation.ts'
import { addMutation } from '../../graphql/mutation.ts'
import { Node } from '../../graphql/node.ts'
import { idField, nodeUuid } from '../../graphql/node-ids.ts'
import { projection } from '../../graphql/projection.ts'
import { page, readField } from '../../graphql/read.ts'
import { enumRef } from '../../graphql/refs.ts'
import { relation } from '../../graphql/relations.ts'
import { sortOf } from '../../graphql/sorts.ts'
import { StockMovement, StockMovementConnection, Variant } from '../refs.ts'
import { ADJUSTMENT_REASONS, adjustStock, stockAdjust } from './adjust-stock.ts'
import { adjustStockMany, stockAdjustMany } from './adjust-stock-many.ts'

type InputBuilder = PothosSchemaTypes.InputFieldBuilder<
  PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>,
  'InputObject'
>
type AdjustmentInput = { readonly variantId: string; readonly delta: number; readonly reason: string }

const NEWEST_FIRST = sortOf('StockMovement', 'createdAt')

const StockReason = enumRef('StockReason', 'Why the stock changed.')

const Stock = builder.objectRef<StockLevel>('Stock').implement({
  description: 'The stock level of a variant.',
  extensions: { model: 'StockLevel', permission: 'stock:read' },
  fields: (t) => ({
    onHand: t.exposeInt('onHand', { description: 'The stock in the warehouse.' }),
    reserved: t.exposeInt('reserved', { description: 'Reserved for orders that are not fulfilled yet.' }),
    available: t.exposeInt('available', { description: 'What can be sold: on hand less reserved.' }),
  }),
})

StockMovement.implement({
  description: 'A change of stock. The changes add up to the stock level.',
  interfaces: [Node],
  extensions: { model: 'StockMovement', permission: 'stock:read' },
  fields: (t) => ({
    id: t.id(idField('StockMovement')),
    reason: t.expose('reason', { type: StockReason }),
    onHandDelta: t.exposeInt('onHandDelta'),
    reservedDelta: t.exposeInt('reservedDelta'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    variant: t.field({
      type: Variant,
      nullable: true,
      description: 'Null: its product is not published, and the caller does not see such products.',
      ...projection({ one: 'variant' }),
      resolve: (movement, _args, context, info) => relation<VariantRow>(movement, 'variant', context, info),
    }),
  }),
})

builder.objectFields(Variant, (t) => ({
  stock: t.field({
    type: Stock,
    ...projection({ one: 'stock' }),
    resolve: (variant, _args, context, info) => relation<StockLevel>(variant, 'stock', context, info),
  }),
  stockMovements: relationListField(
    t,
    StockMovementConnection,
    { model: 'Variant', relation: 'movements', sort: 'createdAt' },
    'The changes of its stock, latest first.',
  ),
}))

builder.queryFields((t) => ({
  stockMovements: readField(t, {
    type: StockMovementConnection,
    description: 'The changes of stock, latest first.',
    args: { ...pageArgs(t.arg), variantId: t.arg.id(), reason: t.arg({ type: [StockReason] }) },
    read: ({ variantId, reason, ...paging }) => {
      const where = {
        ...(typeof variantId === 'string' && { variantId: nodeUuid('Variant', variantId) }),
        ...(reason && { reason: anyOf(reason) }),
      }
      return page({ where, sort: NEWEST_FIRST }, paging)
    },
  }),
}))

const StockAdjustReason = builder.enumType('StockAdjustReason', {
  description: 'Why somebody changes the stock.',
  values: valuesOfEnum('StockReason', ADJUSTMENT_REASONS),
})

function adjustmentFields(t: InputBuilder) {
  return {
    variantId: t.id({ description: 'The variant.', required: true }),
    delta: t.int({ required: true, description: 'Pieces to add; negative to remove.' }),
    reason: t.field({ description: 'Why.', type: StockAdjustReason, required: true }),
  }
}

addManyMutation(stockAdjustMany, {
  description:
    'Books many stock changes, such as a delivery: as stockAdjust, with at most one row for each variant.',
  needsKey: true,
  fields: adjustmentFields,
  result: { field: 'variant', type: Variant, model: 'Variant' },
  run: (caller, { rows, ...input }) =>
    adjustStockMany(caller, {
      ...input,
      rows: (rows as readonly AdjustmentInput[]).map(({ variantId, ...row }) => ({
        ...row,
        variantId: nodeUuid('Variant', variantId),
      })),
    }),
})

addMutation(stockAdjust, {
  description:
    'Books goods received, counted, damaged or returned. Stock never falls below what orders have reserved.',
  needsKey: true,
  fields: adjustmentFields,
  result: { field: 'variant', type: Variant, model: 'Variant' },
  run: (caller, { variantId, ...input }) =>
    adjustStock(caller, { variantId: nodeUuid('Variant', variantId), ...input }),
})
