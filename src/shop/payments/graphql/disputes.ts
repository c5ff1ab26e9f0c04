// The disputes of payments: type and queries.
import type { Payment as PaymentRow } from '../../../generated/prisma/client.ts'
import { anyOf } from '../../../graphql/any-of.ts'
import { spanFields, spanOf } from '../../../graphql/between.ts'
import { builder } from '../../../graphql/builder.ts'
import { pageArgs } from '../../../graphql/connections.ts'
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
import { Dispute, DisputeConnection, Payment } from '../../refs.ts'

/** Most disputes have one withdrawal, or a withdrawal and a reinstatement. */
const MOVEMENTS_EXPECTED = 2

const disputeSorts = sortsOf(
  'DisputeSortKey',
  {
    OPENED_AT: sortOf('Dispute', 'openedAt'),
    UPDATED_AT: sortOf('Dispute', 'updatedAt'),
  },
  'OPENED_AT',
)

const DisputeStatus = enumRef(
  'DisputeStatus',
  'INQUIRY: the bank asks, and no money was withdrawn. NEEDS_RESPONSE: answer it until `evidenceDueAt`. UNDER_REVIEW: answered. CLOSED: ended without a decision. LOST, WON: decided; a decision is rarely changed later.',
)

Dispute.implement({
  description:
    "A buyer's bank disputes a payment. Answer it in the provider's dashboard; the provider's events update it here.",
  interfaces: [Node],
  extensions: { model: 'Dispute', permission: 'payments:read' },
  fields: (t) => ({
    id: t.id(idField('Dispute')),
    status: t.expose('status', { type: DisputeStatus }),
    amount: t.field({
      description: 'The disputed amount.',
      ...moneyField('Dispute', 'amountMinor', 'currency'),
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
      description: 'Withdrawn from the account with the provider.',
      ...moneyField('Dispute', 'withdrawnMinor', 'currency'),
    }),
    reinstatedAmount: t.field({
      description: 'The part of the withdrawn amount that was returned.',
      ...moneyField('Dispute', 'reinstatedMinor', 'currency'),
    }),
    fee: t.field({
      description: "The provider's fee for the dispute, less what was returned of it.",
      ...moneyField('Dispute', 'feeMinor', 'currency'),
    }),
    movements: t.exposeStringList('movements', {
      description: "The provider's ids of the dispute's movements: the sources of the ledger's entries.",
      extensions: { listSize: MOVEMENTS_EXPECTED },
    }),
    providerReference: t.string({
      description: "The provider's id of the dispute.",
      ...computed('Dispute', ['reference'], ({ reference }) => reference),
    }),
    version: t.exposeInt('version'),
    openedAt: t.expose('openedAt', { type: 'DateTime' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the server learned of it.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    payment: t.field({
      type: Payment,
      ...projection({ one: 'payment' }),
      resolve: (dispute, _args, context, info) => relation<PaymentRow>(dispute, 'payment', context, info),
    }),
  }),
})

const DisputeFilter = builder.inputType('DisputeFilter', {
  fields: (t) => ({
    status: t.field({ type: [DisputeStatus] }),
    paymentId: t.id(),
    amount: t.field({ type: MoneyRange, description: 'Its amount is in this range.' }),
    ...spanFields(t, 'opened', 'Opened'),
    ...spanFields(t, 'updated', 'Changed'),
  }),
})

builder.queryFields((t) => ({
  disputes: readField(t, {
    type: DisputeConnection,
    description: 'All disputes, latest first.',
    args: {
      ...pageArgs(t.arg),
      filter: t.arg({ type: DisputeFilter }),
      sortKey: t.arg({ type: disputeSorts.type }),
      reverse: t.arg.boolean(),
    },
    read: ({ filter, sortKey, reverse, ...paging }) => {
      const { status, paymentId } = filter ?? {}
      const where = {
        ...(status && { status: anyOf(status) }),
        ...(typeof paymentId === 'string' && { paymentId: nodeUuid('Payment', paymentId) }),
        ...moneyRange({ amount: 'amountMinor', currency: 'currency' }, filter?.amount),
        ...spanOf('openedAt', 'opened', filter),
        ...spanOf('updatedAt', 'updated', filter),
      }
      return page({ where, sort: disputeSorts.read(sortKey, reverse) }, paging)
    },
  }),
  dispute: readField(t, {
    description: 'One dispute, by its id.',
    type: Dispute,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    read: ({ id }) => one('Dispute', { id: nodeUuid('Dispute', id) }),
  }),
}))
