// The refunds of payments: type and query.
import type { Payment as PaymentRow, Refund as RefundRow } from '../../../generated/prisma/client.ts'
import { builder } from '../../../graphql/builder.ts'
import { pageArgs } from '../../../graphql/connections.ts'
import { MoneyType } from '../../../graphql/money.ts'
import { Node } from '../../../graphql/node.ts'
import { nodeId, nodeUuid } from '../../../graphql/node-ids.ts'
import { projection } from '../../../graphql/projection.ts'
import { readPage } from '../../../graphql/read.ts'
import { relation } from '../../../graphql/relations.ts'
import { sortOf } from '../../../graphql/sorts.ts'
import { NOTE_BYTES, textBytes } from '../../../graphql/text-bytes.ts'
import { Payment, Refund, RefundConnection } from '../../refs.ts'
import type { FAILURE_CODES } from '../provider.ts'
import { commonFilter, PaymentFailure, PaymentStatus } from './payments.ts'

const REFUNDS = sortOf('Refund', 'createdAt')

Refund.implement({
  description: 'A refund of one payment.',
  interfaces: [Node],
  extensions: { model: 'Refund', permission: 'payments:read' },
  fields: (t) => ({
    id: t.id({ ...projection({ columns: ['id'] }), resolve: ({ id }) => nodeId('Refund', id) }),
    status: t.expose('status', { type: PaymentStatus }),
    amount: t.field({
      type: MoneyType,
      ...projection({ columns: ['amountMinor', 'currency'] }),
      resolve: ({ amountMinor, currency }) => ({ amountMinor, currency }),
    }),
    reason: t.exposeString('reason', { nullable: true, ...textBytes(NOTE_BYTES) }),
    method: t.string({
      nullable: true,
      description: 'Recorded refunds only: CASH, BANK_TRANSFER or OTHER.',
      ...projection({ columns: ['manualMethod'] }),
      resolve: ({ manualMethod }) => manualMethod,
    }),
    reference: t.string({
      nullable: true,
      description: 'Recorded refunds only: a receipt number, or the reference on the bank statement.',
      ...projection({ columns: ['manualReference'] }),
      resolve: ({ manualReference }) => manualReference,
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
      ...projection({ columns: ['failureCode'] }),
      resolve: ({ failureCode }) => failureCode as (typeof FAILURE_CODES)[number] | null,
    }),
    failureMessage: t.exposeString('failureMessage', { nullable: true, ...textBytes(NOTE_BYTES) }),
    version: t.exposeInt('version'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    settledAt: t.expose('settledAt', { type: 'DateTime', nullable: true }),
    payment: t.field({
      type: Payment,
      ...projection({ one: 'payment' }),
      resolve: (refund, _args, context, info) => relation<PaymentRow>(refund, 'payment', context, info),
    }),
  }),
})

const RefundFilter = builder.inputType('RefundFilter', {
  fields: (t) => ({
    status: t.field({ type: [PaymentStatus] }),
    paymentId: t.id(),
    createdFrom: t.field({ type: 'DateTime', description: 'Begun at this instant or later.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Begun before this instant.' }),
  }),
})

builder.queryFields((t) => ({
  refunds: t.field({
    type: RefundConnection,
    description: 'All refunds, latest first.',
    args: { ...pageArgs(t.arg), filter: t.arg({ type: RefundFilter }) },
    resolve: (_root, { filter, ...page }, context, info) => {
      const where = {
        ...commonFilter(filter),
        ...(typeof filter?.paymentId === 'string' && { paymentId: nodeUuid('Payment', filter.paymentId) }),
      }
      return readPage<RefundRow>(context, info, { where, sort: REFUNDS }, page)
    },
  }),
}))
