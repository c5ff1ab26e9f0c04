// An order's history in the API, and the mutation that adds a note to it.

import type { Order as OrderRow } from '../../generated/prisma/client.ts'
import { loadTogether } from '../../graphql/batch.ts'
import { builder } from '../../graphql/builder.ts'
import { connectionOf, pageArgs } from '../../graphql/connections.ts'
import { Page, planPage, type SortValue, shownOf } from '../../graphql/keyset.ts'
import { MoneyType } from '../../graphql/money.ts'
import { addMutation } from '../../graphql/mutation.ts'
import { Node, nodeLink } from '../../graphql/node.ts'
import { idField, nodeId, nodeUuid } from '../../graphql/node-ids.ts'
import { computed, projection } from '../../graphql/projection.ts'
import { relation } from '../../graphql/relations.ts'
import { textBytes } from '../../graphql/text-bytes.ts'
import { addNote, orderNoteAdd } from '../orders/add-note.ts'
import { Order, OrderNote, RefundReason } from '../refs.ts'
import { TIMELINE_KINDS, type TimelineEntry, type TimelineKind, timelinesOf } from './timeline.ts'

/** The length of an entry's text that the cost assumes. */
const TEXT_BYTES_EXPECTED = 200
/** For each order: it reads the rows of six tables. */
const TIMELINE_COST = 5

OrderNote.implement({
  description: 'What somebody wrote about an order. It never changes.',
  interfaces: [Node],
  extensions: { model: 'OrderNote', permission: 'orders:read' },
  fields: (t) => ({
    id: t.id(idField('OrderNote')),
    text: t.exposeString('text', {
      description: 'At most 5,000 characters.',
      ...textBytes(TEXT_BYTES_EXPECTED),
    }),
    authorLabel: t.string({
      nullable: true,
      description: 'Who wrote it: the e-mail address or the name of the key at that time; null: the system.',
      ...computed('OrderNote', ['authorLabel'], ({ authorLabel }) => authorLabel || null),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was written.' }),
    order: t.field({
      type: Order,
      description: 'The order that it is about.',
      ...projection({ one: 'order' }),
      resolve: (note, _args, context, info) => relation<OrderRow>(note, 'order', context, info),
    }),
  }),
})

const KIND_DESCRIPTIONS: Readonly<Record<TimelineKind, string>> = {
  PLACED: 'The order was placed. `amount`: its total.',
  PAYMENT_FAILED: 'A payment failed. `amount`: what was to be captured; `text`: the message of the failure.',
  PAID: 'A payment succeeded. `amount`: what was captured; `text`: its note, if it was recorded by hand.',
  FULFILLED: 'The order was fulfilled.',
  REFUNDED:
    'A refund succeeded. `amount`: what was refunded; `reason`: why, where one was given; `text`: its note, if any.',
  REFUND_FAILED: 'A refund failed, perhaps after it had succeeded. `text`: the message of the failure.',
  DISPUTE_OPENED: "The buyer's bank opened a dispute. `amount`: what is disputed; `text`: its reason.",
  DISPUTE_CLOSED: 'A dispute ended without a decision.',
  DISPUTE_LOST: 'The bank decided for the buyer.',
  DISPUTE_WON: 'The bank decided for the merchant.',
  CANCELLED: 'The order was cancelled. `text`: the reason.',
  TAGS_CHANGED: 'Somebody set its tags. `text`: the tags since then; null: none.',
  NOTE_ADDED: 'Somebody wrote a note. `text`: the note.',
}

const OrderTimelineKind = builder.enumType('OrderTimelineKind', {
  description: 'What happened to an order.',
  values: Object.fromEntries(
    TIMELINE_KINDS.map((kind) => [kind, { description: KIND_DESCRIPTIONS[kind] }]),
  ) as {
    readonly [Kind in TimelineKind]: { readonly description: string }
  },
})

const OrderTimelineEntry = builder.objectRef<TimelineEntry>('OrderTimelineEntry').implement({
  description: 'One event in the history of an order.',
  extensions: { permission: 'orders:read' },
  fields: (t) => ({
    occurredAt: t.expose('occurredAt', { type: 'DateTime', description: 'When it happened.' }),
    kind: t.expose('kind', { type: OrderTimelineKind, description: 'What happened.' }),
    actorLabel: t.exposeString('actorLabel', {
      nullable: true,
      description:
        'Who did it, or began the payment or refund: the e-mail address or the name of the key at that time. Null: the system, ' +
        'or the payment provider.',
    }),
    amount: t.field({
      type: MoneyType,
      nullable: true,
      description: 'The money that it was about, never negative. Its kind says which.',
      resolve: ({ amountMinor, currency }) => (amountMinor === null ? null : { amountMinor, currency }),
    }),
    text: t.exposeString('text', {
      nullable: true,
      description: 'The reason, message or note, in free text. Its kind says which.',
      ...textBytes(TEXT_BYTES_EXPECTED),
    }),
    reason: t.expose('reason', {
      type: RefundReason,
      nullable: true,
      description:
        'Why the money was refunded. Null for every kind but `REFUNDED`, and for a refund without a reason.',
    }),
    node: nodeLink(t, ({ subjectType, subjectId }) => nodeId(subjectType, subjectId)),
  }),
})

const OrderTimelineEntryConnection = connectionOf('OrderTimelineEntry', OrderTimelineEntry, 'orders:read')

const LATEST_FIRST: SortValue = { column: 'occurredAt', type: 'date', descending: true }

builder.objectField(Order, 'timeline', (t) =>
  t.field({
    type: OrderTimelineEntryConnection,
    description:
      'What happened to it, latest first. Entries about payments, refunds and disputes are left out for callers without ' +
      'payments:read.',
    args: pageArgs(t.arg),
    extensions: { ...projection({ columns: ['id'] }).extensions, cost: TIMELINE_COST },
    resolve: async ({ id }, args, context, info) => {
      const { db, caller } = context
      const list = { tenantId: caller.scope.tenantId, type: 'OrderTimelineEntryConnection' }
      const plan = planPage(args, LATEST_FIRST, list)
      const showsPayments = caller.permissions.has('payments:read')
      // All parents of the field have its arguments, so that the first one's plan serves all.
      const timeline = await loadTogether(context, info.fieldNodes, id, (ids) =>
        timelinesOf(db, ids, { ...plan, showsPayments }),
      )
      return new Page(timeline?.entries ?? [], plan, shownOf, () => timeline?.total ?? 0)
    },
  }),
)

addMutation(orderNoteAdd, {
  description: 'Adds a note to an order, under the name of the caller. Notes are never edited or removed.',
  needsKey: true,
  fields: (t) => ({
    orderId: t.id({ required: true, description: 'The order that it is about.' }),
    text: t.string({ required: true, description: 'At most 5,000 characters.' }),
  }),
  result: { field: 'orderNote', type: OrderNote, model: 'OrderNote' },
  run: (caller, { orderId, ...input }) => addNote(caller, { orderId: nodeUuid('Order', orderId), ...input }),
})
