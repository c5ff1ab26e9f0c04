// The refunds of payments: type and query.
import type { OrderLine as OrderLineRow, Payment as PaymentRow } from '../../../generated/prisma/client.ts'
import { spanFields } from '../../../graphql/between.ts'
import { builder } from '../../../graphql/builder.ts'
import { pageArgs, relationListField } from '../../../graphql/connections.ts'
import { moneyField } from '../../../graphql/money.ts'
import { Node } from '../../../graphql/node.ts'
import { idField, nodeUuid } from '../../../graphql/node-ids.ts'
import { computed, projection } from '../../../graphql/projection.ts'
import { MoneyRange } from '../../../graphql/ranges.ts'
import { page, readField } from '../../../graphql/read.ts'
import { relation } from '../../../graphql/relations.ts'
import { sortOf, sortsOf } from '../../../graphql/sorts.ts'
import { NOTE_BYTES, textBytes } from '../../../graphql/text-bytes.ts'
import {
  OrderLine,
  Payment,
  Refund,
  RefundConnection,
  RefundLine,
  RefundLineConnection,
  RefundReason,
} from '../../refs.ts'
import type { FAILURE_CODES } from '../provider.ts'
import { commonFilter, PaymentFailure, PaymentStatus } from './payments.ts'

const refundSorts = sortsOf(
  'RefundSortKey',
  {
    CREATED_AT: sortOf('Refund', 'createdAt'),
    UPDATED_AT: sortOf('Refund', 'updatedAt'),
  },
  'CREATED_AT',
)

Refund.implement({
  description: 'A refund of one payment.',
  interfaces: [Node],
  extensions: { model: 'Refund', permission: 'payments:read' },
  fields: (t) => ({
    id: t.id(idField('Refund')),
    status: t.expose('status', { type: PaymentStatus }),
    amount: t.field({
      description: 'The amount that goes back.',
      ...moneyField('Refund', 'amountMinor', 'currency'),
    }),
    reason: t.expose('reason', { type: RefundReason, nullable: true }),
    note: t.exposeString('note', {
      nullable: true,
      description: 'Why it was made, in words.',
      ...textBytes(NOTE_BYTES),
    }),
    lines: relationListField(
      t,
      RefundLineConnection,
      { model: 'Refund', relation: 'lines', sort: 'position' },
      'The pieces that it is for. Empty for a refund of an amount alone, and for one made at the provider.',
    ),
    restocked: t.exposeBoolean('restocked', {
      description: 'It put pieces back into stock: those of its lines with `restock`.',
    }),
    method: t.string({
      nullable: true,
      description: 'Recorded refunds only: CASH, BANK_TRANSFER or OTHER.',
      ...computed('Refund', ['manualMethod'], ({ manualMethod }) => manualMethod),
    }),
    reference: t.string({
      nullable: true,
      description: 'Recorded refunds only: a receipt number, or the reference on the bank statement.',
      ...computed('Refund', ['manualReference'], ({ manualReference }) => manualReference),
    }),
    givenAt: t.expose('givenAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Recorded refunds only: when the money was returned.',
    }),
    providerReference: t.exposeString('providerReference', { nullable: true }),
    failureCode: t.field({
      type: PaymentFailure,
      nullable: true,
      ...computed(
        'Refund',
        ['failureCode'],
        ({ failureCode }) => failureCode as (typeof FAILURE_CODES)[number] | null,
      ),
    }),
    failureMessage: t.exposeString('failureMessage', { nullable: true, ...textBytes(NOTE_BYTES) }),
    version: t.exposeInt('version'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    settledAt: t.expose('settledAt', { type: 'DateTime', nullable: true }),
    payment: t.field({
      type: Payment,
      ...projection({ one: 'payment' }),
      resolve: (refund, _args, context, info) => relation<PaymentRow>(refund, 'payment', context, info),
    }),
  }),
})

RefundLine.implement({
  description: 'The pieces of one line of an order that a refund is for.',
  interfaces: [Node],
  extensions: { model: 'RefundLine', permission: 'payments:read' },
  fields: (t) => ({
    id: t.id(idField('RefundLine')),
    quantity: t.exposeInt('quantity', { description: 'The number of refunded pieces.' }),
    restock: t.exposeBoolean('restock', {
      description: 'The pieces go back into stock when the refund succeeds.',
    }),
    line: t.field({
      type: OrderLine,
      description: 'The line of the order.',
      ...projection({ one: 'line' }),
      resolve: (line, _args, context, info) => relation<OrderLineRow>(line, 'line', context, info),
    }),
  }),
})

const RefundFilter = builder.inputType('RefundFilter', {
  fields: (t) => ({
    status: t.field({ type: [PaymentStatus] }),
    paymentId: t.id(),
    amount: t.field({ type: MoneyRange, description: 'Its amount is in this range.' }),
    ...spanFields(t, 'created', 'Begun'),
    ...spanFields(t, 'updated', 'Changed'),
  }),
})

builder.queryFields((t) => ({
  refunds: readField(t, {
    type: RefundConnection,
    description: 'All refunds, latest first.',
    args: {
      ...pageArgs(t.arg),
      filter: t.arg({ type: RefundFilter }),
      sortKey: t.arg({ type: refundSorts.type }),
      reverse: t.arg.boolean(),
    },
    read: ({ filter, sortKey, reverse, ...paging }) => {
      const where = {
        ...commonFilter(filter),
        ...(typeof filter?.paymentId === 'string' && { paymentId: nodeUuid('Payment', filter.paymentId) }),
      }
      return page({ where, sort: refundSorts.read(sortKey, reverse) }, paging)
    },
  }),
}))
