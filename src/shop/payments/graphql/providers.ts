// The merchant's accounts with payment providers, and their events: types and queries.
import type { PaymentProvider as ProviderRow } from '../../../generated/prisma/client.ts'
import { anyOf } from '../../../graphql/any-of.ts'
import { builder } from '../../../graphql/builder.ts'
import { pageArgs } from '../../../graphql/connections.ts'
import { Node } from '../../../graphql/node.ts'
import { idField } from '../../../graphql/node-ids.ts'
import { computed, projection } from '../../../graphql/projection.ts'
import { page, readField } from '../../../graphql/read.ts'
import { enumRef } from '../../../graphql/refs.ts'
import { relation } from '../../../graphql/relations.ts'
import { sortOf } from '../../../graphql/sorts.ts'
import { NOTE_BYTES, textBytes } from '../../../graphql/text-bytes.ts'
import {
  PaymentProvider,
  PaymentProviderConnection,
  ProviderEvent,
  ProviderEventConnection,
} from '../../refs.ts'
import { endpointName } from '../provider-account/endpoint.ts'

const PROVIDERS = sortOf('PaymentProvider', 'createdAt')
const EVENTS = sortOf('ProviderEvent', 'receivedAt')

export const PaymentProviderKind = enumRef('PaymentProviderKind', 'MANUAL: received and refunded by hand.')

const PaymentProviderStatus = enumRef(
  'PaymentProviderStatus',
  'ACTIVE: takes payments. REPLACED by another account, or DISCONNECTED: takes no new payments; its events are accepted until `eventsUntil`.',
)

const ProviderEventStatus = enumRef(
  'ProviderEventStatus',
  'IGNORED: stored, since it does not concern this shop. FAILED: not processed yet, and retried.',
)

PaymentProvider.implement({
  description: "The merchant's account with a payment provider. Its secrets are never returned.",
  interfaces: [Node],
  extensions: { model: 'PaymentProvider', permission: 'payments:manage' },
  fields: (t) => ({
    id: t.id(idField('PaymentProvider')),
    kind: t.expose('kind', { type: PaymentProviderKind }),
    status: t.expose('status', { type: PaymentProviderStatus }),
    accountReference: t.exposeString('accountReference', {
      description: "The provider's id of the account.",
    }),
    accountName: t.exposeString('accountName'),
    liveMode: t.exposeBoolean('liveMode', { description: 'Whether real money moves.' }),
    webhookPath: t.string({
      description: 'The URL of this server to which the provider sends its events.',
      ...computed(
        'PaymentProvider',
        ['id'],
        ({ id }, { caller }) => `/webhooks/in/${endpointName(caller.tenantSlug, id)}`,
      ),
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
    id: t.id(idField('ProviderEvent')),
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

const ProviderEventFilter = builder.inputType('ProviderEventFilter', {
  fields: (t) => ({ status: t.field({ type: [ProviderEventStatus] }), type: t.string() }),
})

builder.queryFields((t) => ({
  paymentProviders: readField(t, {
    type: PaymentProviderConnection,
    description:
      "The merchant's accounts with payment providers, latest first: one is active, the others were replaced.",
    args: pageArgs(t.arg),
    read: (paging) => page({ where: {}, sort: PROVIDERS }, paging),
  }),
  providerEvents: readField(t, {
    type: ProviderEventConnection,
    description: 'The webhook events of payment providers, latest first.',
    args: { ...pageArgs(t.arg), filter: t.arg({ type: ProviderEventFilter }) },
    read: ({ filter, ...paging }) => {
      const where = {
        ...(filter?.status && { status: anyOf(filter.status) }),
        ...(typeof filter?.type === 'string' && { type: filter.type }),
      }
      return page({ where, sort: EVENTS }, paging)
    },
  }),
}))
