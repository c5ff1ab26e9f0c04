// Payments, refunds, disputes, the merchant's provider account and its events: types and queries. The mutations are in
// mutations.ts.
import type {
  Dispute as DisputeRow,
  ProviderEvent as EventRow,
  Order as OrderRow,
  Payment as PaymentRow,
  PaymentProvider as ProviderRow,
  Refund as RefundRow,
} from '../../../generated/prisma/client.ts'
import { anyOf } from '../../../graphql/any-of.ts'
import { builder } from '../../../graphql/builder.ts'
import { pageArgs, relationListField } from '../../../graphql/connections.ts'
import { MoneyType } from '../../../graphql/money.ts'
import { Node } from '../../../graphql/node.ts'
import { nodeId, nodeUuid } from '../../../graphql/node-ids.ts'
import { projection } from '../../../graphql/projection.ts'
import { readOne, readPage } from '../../../graphql/read.ts'
import { relation } from '../../../graphql/relations.ts'
import { sortOf } from '../../../graphql/sorts.ts'
import { NOTE_BYTES, textBytes } from '../../../graphql/text-bytes.ts'
import {
  Dispute,
  DisputeConnection,
  Order,
  Payment,
  PaymentConnection,
  PaymentProvider,
  PaymentProviderConnection,
  ProviderEvent,
  ProviderEventConnection,
  Refund,
  RefundConnection,
} from '../../refs.ts'
import { FAILURE_CODES } from '../provider.ts'
import { endpointName } from '../provider-account/endpoint.ts'

/** Most disputes have one withdrawal, or a withdrawal and a reinstatement. */
const MOVEMENTS_EXPECTED = 2

const PAYMENTS = sortOf('Payment', 'createdAt')
const REFUNDS = sortOf('Refund', 'createdAt')
const DISPUTES = sortOf('Dispute', 'openedAt')
const PROVIDERS = sortOf('PaymentProvider', 'createdAt')
const EVENTS = sortOf('ProviderEvent', 'receivedAt')

const PaymentStatus = builder.enumType('PaymentStatus', {
  description:
    'PENDING: under way. UNKNOWN: the provider did not answer, and is asked again. Both settle without another call.',
  values: ['PENDING', 'UNKNOWN', 'SUCCEEDED', 'FAILED'] as const,
})

const PaymentFailure = builder.enumType('PaymentFailureCode', { values: FAILURE_CODES })

const DisputeStatusType = builder.enumType('DisputeStatus', {
  description:
    'INQUIRY: the bank asks, and no money was withdrawn. NEEDS_RESPONSE: answer it until `evidenceDueAt`. UNDER_REVIEW: answered. CLOSED: ended without a decision. LOST, WON: decided; a decision is rarely changed later.',
  values: ['INQUIRY', 'NEEDS_RESPONSE', 'UNDER_REVIEW', 'CLOSED', 'LOST', 'WON'] as const,
})

const PaymentProviderKind = builder.enumType('PaymentProviderKind', {
  description: 'MANUAL: received and refunded by hand.',
  values: ['STRIPE', 'SANDBOX', 'MANUAL'] as const,
})

const PaymentProviderStatus = builder.enumType('PaymentProviderStatus', {
  description:
    'ACTIVE: takes payments. REPLACED by another account, or DISCONNECTED: takes no new payments; its events are accepted until `eventsUntil`.',
  values: ['ACTIVE', 'REPLACED', 'DISCONNECTED'] as const,
})

const ProviderEventStatus = builder.enumType('ProviderEventStatus', {
  description:
    'IGNORED: stored, since it does not concern this shop. FAILED: not processed yet, and retried.',
  values: ['PROCESSED', 'IGNORED', 'FAILED'] as const,
})

Payment.implement({
  description: 'A payment for an order.',
  interfaces: [Node],
  extensions: { model: 'Payment', permission: 'payments:read' },
  fields: (t) => ({
    id: t.id({ ...projection({ columns: ['id'] }), resolve: ({ id }) => nodeId('Payment', id) }),
    status: t.expose('status', { type: PaymentStatus }),
    provider: t.field({
      type: PaymentProviderKind,
      ...projection({ columns: ['providerKind'] }),
      resolve: ({ providerKind }) => providerKind,
    }),
    amount: t.field({
      type: MoneyType,
      ...projection({ columns: ['amountMinor', 'currency'] }),
      resolve: ({ amountMinor, currency }) => ({ amountMinor, currency }),
    }),
    refundedAmount: t.field({
      type: MoneyType,
      description: 'Refunded so far.',
      ...projection({ columns: ['refundedMinor', 'currency'] }),
      resolve: ({ refundedMinor, currency }) => ({ amountMinor: refundedMinor, currency }),
    }),
    chargedBackAmount: t.field({
      type: MoneyType,
      description: "Charged back by the buyer's bank, less what it returned.",
      ...projection({ columns: ['chargedBackMinor', 'currency'] }),
      resolve: ({ chargedBackMinor, currency }) => ({ amountMinor: chargedBackMinor, currency }),
    }),
    fee: t.field({
      type: MoneyType,
      nullable: true,
      description: "The provider's fee; null until the provider reports it.",
      ...projection({ columns: ['feeMinor', 'currency'] }),
      resolve: ({ feeMinor, currency }) => (feeMinor === null ? null : { amountMinor: feeMinor, currency }),
    }),
    method: t.exposeString('method', {
      description: "The provider's id of the payment method. For MANUAL: CASH, BANK_TRANSFER or OTHER.",
    }),
    reference: t.string({
      nullable: true,
      description: 'Recorded payments only: a receipt number, or the reference on the bank statement.',
      ...projection({ columns: ['manualReference'] }),
      resolve: ({ manualReference }) => manualReference,
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
      ...projection({ columns: ['failureCode'] }),
      resolve: ({ failureCode }) => failureCode as (typeof FAILURE_CODES)[number] | null,
    }),
    failureMessage: t.exposeString('failureMessage', { nullable: true, ...textBytes(NOTE_BYTES) }),
    version: t.exposeInt('version'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
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

Dispute.implement({
  description:
    "A buyer's bank disputes a payment. Answer it in the provider's dashboard; the provider's events update it here.",
  interfaces: [Node],
  extensions: { model: 'Dispute', permission: 'payments:read' },
  fields: (t) => ({
    id: t.id({ ...projection({ columns: ['id'] }), resolve: ({ id }) => nodeId('Dispute', id) }),
    status: t.expose('status', { type: DisputeStatusType }),
    amount: t.field({
      type: MoneyType,
      description: 'The disputed amount.',
      ...projection({ columns: ['amountMinor', 'currency'] }),
      resolve: ({ amountMinor, currency }) => ({ amountMinor, currency }),
    }),
    reason: t.exposeString('reason', {
      description: "The provider's reason code, for example `fraudulent`.",
      ...textBytes(NOTE_BYTES),
    }),
    evidenceDueAt: t.expose('evidenceDueAt', {
      type: 'DateTime',
      nullable: true,
      description: "The merchant's deadline for answering it.",
    }),
    withdrawnAmount: t.field({
      type: MoneyType,
      description: 'Withdrawn from the account with the provider.',
      ...projection({ columns: ['withdrawnMinor', 'currency'] }),
      resolve: ({ withdrawnMinor, currency }) => ({ amountMinor: withdrawnMinor, currency }),
    }),
    reinstatedAmount: t.field({
      type: MoneyType,
      description: 'The part of the withdrawn amount that was returned.',
      ...projection({ columns: ['reinstatedMinor', 'currency'] }),
      resolve: ({ reinstatedMinor, currency }) => ({ amountMinor: reinstatedMinor, currency }),
    }),
    fee: t.field({
      type: MoneyType,
      description: "The provider's fee for the dispute, less what was returned of it.",
      ...projection({ columns: ['feeMinor', 'currency'] }),
      resolve: ({ feeMinor, currency }) => ({ amountMinor: feeMinor, currency }),
    }),
    movements: t.exposeStringList('movements', {
      description: "The provider's ids of the dispute's movements: the sources of the ledger's entries.",
      extensions: { listSize: MOVEMENTS_EXPECTED },
    }),
    providerReference: t.string({
      description: "The provider's id of the dispute.",
      ...projection({ columns: ['reference'] }),
      resolve: ({ reference }) => reference,
    }),
    version: t.exposeInt('version'),
    openedAt: t.expose('openedAt', { type: 'DateTime' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the server learned of it.' }),
    payment: t.field({
      type: Payment,
      ...projection({ one: 'payment' }),
      resolve: (dispute, _args, context, info) => relation<PaymentRow>(dispute, 'payment', context, info),
    }),
  }),
})

PaymentProvider.implement({
  description: "The merchant's account with a payment provider. Its secrets are never returned.",
  interfaces: [Node],
  extensions: { model: 'PaymentProvider', permission: 'payments:manage' },
  fields: (t) => ({
    id: t.id({ ...projection({ columns: ['id'] }), resolve: ({ id }) => nodeId('PaymentProvider', id) }),
    kind: t.expose('kind', { type: PaymentProviderKind }),
    status: t.expose('status', { type: PaymentProviderStatus }),
    accountReference: t.exposeString('accountReference', {
      description: "The provider's id of the account.",
    }),
    accountName: t.exposeString('accountName'),
    liveMode: t.exposeBoolean('liveMode', { description: 'Whether real money moves.' }),
    webhookPath: t.string({
      description: 'The URL of this server to which the provider sends its events.',
      ...projection({ columns: ['id'] }),
      resolve: ({ id }, _args, { caller }) => `/webhooks/in/${endpointName(caller.tenantSlug, id)}`,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    version: t.exposeInt('version'),
    replacedAt: t.expose('replacedAt', { type: 'DateTime', nullable: true }),
    disconnectedAt: t.expose('disconnectedAt', { type: 'DateTime', nullable: true }),
    eventsUntil: t.expose('eventsUntil', {
      type: 'DateTime',
      nullable: true,
      description:
        'Until when the events of a replaced or disconnected account are accepted; null while it is active.',
    }),
    previousWebhookSecretUntil: t.expose('previousWebhookSecretUntil', {
      type: 'DateTime',
      nullable: true,
      description: 'Until when events signed with the previous secret are also accepted.',
    }),
  }),
})

ProviderEvent.implement({
  description: 'A webhook event from a payment provider.',
  interfaces: [Node],
  extensions: { model: 'ProviderEvent', permission: 'payments:manage' },
  fields: (t) => ({
    id: t.id({ ...projection({ columns: ['id'] }), resolve: ({ id }) => nodeId('ProviderEvent', id) }),
    reference: t.exposeString('reference', { description: "The provider's id of the event." }),
    type: t.exposeString('type'),
    status: t.expose('status', { type: ProviderEventStatus }),
    error: t.exposeString('error', {
      nullable: true,
      description: 'Why it could not be processed.',
      ...textBytes(NOTE_BYTES),
    }),
    attempts: t.exposeInt('attempts', { description: 'How often it was delivered or retried.' }),
    occurredAt: t.expose('occurredAt', { type: 'DateTime' }),
    receivedAt: t.expose('receivedAt', { type: 'DateTime' }),
    processedAt: t.expose('processedAt', { type: 'DateTime', nullable: true }),
    provider: t.field({
      type: PaymentProvider,
      ...projection({ one: 'provider' }),
      resolve: (event, _args, context, info) => relation<ProviderRow>(event, 'provider', context, info),
    }),
  }),
})

const PaymentFilter = builder.inputType('PaymentFilter', {
  fields: (t) => ({
    status: t.field({ type: [PaymentStatus] }),
    orderId: t.id(),
    createdFrom: t.field({ type: 'DateTime', description: 'Begun at this instant or later.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Begun before this instant.' }),
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

const DisputeFilter = builder.inputType('DisputeFilter', {
  fields: (t) => ({
    status: t.field({ type: [DisputeStatusType] }),
    paymentId: t.id(),
    openedFrom: t.field({ type: 'DateTime', description: 'Opened at this instant or later.' }),
    openedBefore: t.field({ type: 'DateTime', description: 'Opened before this instant.' }),
  }),
})

const ProviderEventFilter = builder.inputType('ProviderEventFilter', {
  fields: (t) => ({ status: t.field({ type: [ProviderEventStatus] }), type: t.string() }),
})

type CommonFilter = {
  readonly status?: readonly PaymentRow['status'][] | null | undefined
  readonly createdFrom?: Date | null | undefined
  readonly createdBefore?: Date | null | undefined
}

/** The filter that payments and refunds have in common. */
function commonFilter(filter: CommonFilter | null | undefined) {
  const { status, createdFrom: from, createdBefore: before } = filter ?? {}
  return {
    ...(status && { status: anyOf(status) }),
    ...((from || before) && { createdAt: { ...(from && { gte: from }), ...(before && { lt: before }) } }),
  }
}

builder.queryFields((t) => ({
  payments: t.field({
    type: PaymentConnection,
    description: 'All payments, latest first.',
    args: { ...pageArgs(t.arg), filter: t.arg({ type: PaymentFilter }) },
    resolve: (_root, { filter, ...page }, context, info) => {
      const where = {
        ...commonFilter(filter),
        ...(typeof filter?.orderId === 'string' && { orderId: nodeUuid('Order', filter.orderId) }),
      }
      return readPage<PaymentRow>(context, info, { where, sort: PAYMENTS }, page)
    },
  }),
  payment: t.field({
    type: Payment,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, { id }, context, info) =>
      readOne<PaymentRow>(context, info, 'Payment', { id: nodeUuid('Payment', id) }),
  }),
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
  disputes: t.field({
    type: DisputeConnection,
    description: 'All disputes, latest first.',
    args: { ...pageArgs(t.arg), filter: t.arg({ type: DisputeFilter }) },
    resolve: (_root, { filter, ...page }, context, info) => {
      const { status, paymentId, openedFrom, openedBefore } = filter ?? {}
      const where = {
        ...(status && { status: anyOf(status) }),
        ...(typeof paymentId === 'string' && { paymentId: nodeUuid('Payment', paymentId) }),
        ...((openedFrom || openedBefore) && {
          openedAt: { ...(openedFrom && { gte: openedFrom }), ...(openedBefore && { lt: openedBefore }) },
        }),
      }
      return readPage<DisputeRow>(context, info, { where, sort: DISPUTES }, page)
    },
  }),
  dispute: t.field({
    type: Dispute,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, { id }, context, info) =>
      readOne<DisputeRow>(context, info, 'Dispute', { id: nodeUuid('Dispute', id) }),
  }),
  paymentProviders: t.field({
    type: PaymentProviderConnection,
    description:
      "The merchant's accounts with payment providers, latest first: one is active, the others were replaced.",
    args: pageArgs(t.arg),
    resolve: (_root, page, context, info) =>
      readPage<ProviderRow>(context, info, { where: {}, sort: PROVIDERS }, page),
  }),
  providerEvents: t.field({
    type: ProviderEventConnection,
    description: 'The webhook events of payment providers, latest first.',
    args: { ...pageArgs(t.arg), filter: t.arg({ type: ProviderEventFilter }) },
    resolve: (_root, { filter, ...page }, context, info) =>
      readPage<EventRow>(
        context,
        info,
        {
          where: {
            ...(filter?.status && { status: anyOf(filter.status) }),
            ...(typeof filter?.type === 'string' && { type: filter.type }),
          },
          sort: EVENTS,
        },
        page,
      ),
  }),
}))
