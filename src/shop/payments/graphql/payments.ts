// The payments of orders: type and queries.

import type { Order as OrderRow, Payment as PaymentRow } from '../../../generated/prisma/client.ts'
import { anyOf } from '../../../graphql/any-of.ts'
import { spanFields, spanOf } from '../../../graphql/between.ts'
import { builder } from '../../../graphql/builder.ts'
import { pageArgs, relationListField } from '../../../graphql/connections.ts'
import { describedValues } from '../../../graphql/described-values.ts'
import { moneyField } from '../../../graphql/money.ts'
import { Node } from '../../../graphql/node.ts'
import { idField, nodeUuid } from '../../../graphql/node-ids.ts'
import { computed, projection } from '../../../graphql/projection.ts'
import { MoneyRange, moneyRange } from '../../../graphql/ranges.ts'
import { one, page, readField } from '../../../graphql/read.ts'
import { enumRef } from '../../../graphql/refs.ts'
import { relation } from '../../../graphql/relations.ts'
import { sortOf, sortsOf } from '../../../graphql/sorts.ts'
import { NOTE_BYTES, textBytes } from '../../../graphql/text-bytes.ts'
import { DisputeConnection, Order, Payment, PaymentConnection, RefundConnection } from '../../refs.ts'
import type { FAILURE_CODES, FailureCode } from '../provider.ts'
import { PaymentProviderKind } from './providers.ts'

const paymentSorts = sortsOf(
  'PaymentSortKey',
  {
    CREATED_AT: sortOf('Payment', 'createdAt'),
    UPDATED_AT: sortOf('Payment', 'updatedAt'),
    AMOUNT: sortOf('Payment', 'amountMinor', 'descending'),
  },
  'CREATED_AT',
)

export const PaymentStatus = enumRef(
  'PaymentStatus',
  'PENDING: under way. UNKNOWN: the provider did not answer, and is asked again. Both settle without another call.',
)

export const PaymentFailure = builder.enumType('PaymentFailureCode', {
  description: 'Why a payment or a refund failed.',
  values: describedValues<FailureCode>({
    CARD_DECLINED: 'The bank declined it.',
    INSUFFICIENT_FUNDS: 'There is not enough money.',
    CARD_EXPIRED: 'The card has expired.',
    METHOD_INVALID: 'The card or the method cannot be used.',
    AUTHENTICATION_FAILED: 'The buyer did not confirm it, or failed to.',
    ABANDONED: 'It was not confirmed in time.',
    REFUND_FAILED: 'The money could not be given back.',
    PROVIDER_REFUSED: 'The provider refused it for another reason.',
  }),
})

Payment.implement({
  description: 'A payment for an order.',
  interfaces: [Node],
  extensions: { model: 'Payment', permission: 'payments:read' },
  fields: (t) => ({
    id: t.id(idField('Payment')),
    status: t.expose('status', { type: PaymentStatus }),
    provider: t.field({
      type: PaymentProviderKind,
      ...computed('Payment', ['providerKind'], ({ providerKind }) => providerKind),
    }),
    amount: t.field({
      description: 'The amount to pay.',
      ...moneyField('Payment', 'amountMinor', 'currency'),
    }),
    refundedAmount: t.field({
      description: 'Refunded so far.',
      ...moneyField('Payment', 'refundedMinor', 'currency'),
    }),
    refundPendingAmount: t.field({
      description: 'The sum of its refunds whose outcome is still open.',
      ...moneyField('Payment', 'refundPendingMinor', 'currency'),
    }),
    chargedBackAmount: t.field({
      description: "Charged back by the buyer's bank, less what it returned.",
      ...moneyField('Payment', 'chargedBackMinor', 'currency'),
    }),
    fee: t.field({
      nullable: true,
      description: "The provider's fee; null until the provider reports it.",
      ...moneyField('Payment', 'feeMinor', 'currency'),
    }),
    method: t.exposeString('method', {
      description: "The provider's id of the payment method. For MANUAL: CASH, BANK_TRANSFER or OTHER.",
    }),
    reference: t.string({
      nullable: true,
      description: 'Recorded payments only: a receipt number, or the reference on the bank statement.',
      ...computed('Payment', ['manualReference'], ({ manualReference }) => manualReference),
    }),
    receivedAt: t.expose('receivedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Recorded payments only: when the money was received.',
    }),
    note: t.exposeString('note', { nullable: true, ...textBytes(NOTE_BYTES) }),
    actionUrl: t.exposeString('actionUrl', {
      ...textBytes(NOTE_BYTES),
      nullable: true,
      description:
        'Where the buyer confirms the payment with their bank; null when there is nothing to confirm.',
    }),
    providerReference: t.exposeString('providerReference', {
      nullable: true,
      description: "The provider's id of the payment.",
    }),
    failureCode: t.field({
      type: PaymentFailure,
      nullable: true,
      ...computed(
        'Payment',
        ['failureCode'],
        ({ failureCode }) => failureCode as (typeof FAILURE_CODES)[number] | null,
      ),
    }),
    failureMessage: t.exposeString('failureMessage', { nullable: true, ...textBytes(NOTE_BYTES) }),
    version: t.exposeInt('version'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    settledAt: t.expose('settledAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When its outcome became known.',
    }),
    order: t.field({
      type: Order,
      ...projection({ one: 'order' }),
      resolve: (payment, _args, context, info) => relation<OrderRow>(payment, 'order', context, info),
    }),
    refunds: relationListField(
      t,
      RefundConnection,
      { model: 'Payment', relation: 'refunds', sort: 'createdAt' },
      'Its refunds, latest first.',
    ),
    disputes: relationListField(
      t,
      DisputeConnection,
      { model: 'Payment', relation: 'disputes', sort: 'openedAt' },
      'Its disputes, latest first.',
    ),
  }),
})

builder.objectField(Order, 'payments', (t) =>
  relationListField(
    t,
    PaymentConnection,
    { model: 'Order', relation: 'payments', sort: 'createdAt' },
    'Its payments, including failed ones, latest first.',
  ),
)

const PaymentFilter = builder.inputType('PaymentFilter', {
  fields: (t) => ({
    status: t.field({ type: [PaymentStatus] }),
    orderId: t.id(),
    amount: t.field({ type: MoneyRange, description: 'Its amount is in this range.' }),
    ...spanFields(t, 'created', 'Begun'),
    ...spanFields(t, 'updated', 'Changed'),
  }),
})

type CommonFilter = {
  readonly status?: readonly PaymentRow['status'][] | null | undefined
  readonly amount?: typeof MoneyRange.$inferInput | null | undefined
}

/** The filter that payments and refunds have in common. */
export function commonFilter(filter: CommonFilter | null | undefined) {
  return {
    ...(filter?.status && { status: anyOf(filter.status) }),
    ...moneyRange({ amount: 'amountMinor', currency: 'currency' }, filter?.amount),
    ...spanOf('createdAt', 'created', filter),
    ...spanOf('updatedAt', 'updated', filter),
  }
}

builder.queryFields((t) => ({
  payments: readField(t, {
    type: PaymentConnection,
    description: 'All payments. Default: latest first.',
    args: {
      ...pageArgs(t.arg),
      filter: t.arg({ type: PaymentFilter }),
      sortKey: t.arg({ type: paymentSorts.type }),
      reverse: t.arg.boolean(),
    },
    read: ({ filter, sortKey, reverse, ...paging }) => {
      const where = {
        ...commonFilter(filter),
        ...(typeof filter?.orderId === 'string' && { orderId: nodeUuid('Order', filter.orderId) }),
      }
      return page({ where, sort: paymentSorts.read(sortKey, reverse) }, paging)
    },
  }),
  payment: readField(t, {
    description: 'One payment, by its id.',
    type: Payment,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    read: ({ id }) => one('Payment', { id: nodeUuid('Payment', id) }),
  }),
}))
