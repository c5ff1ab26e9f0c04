// What moves money, as mutations. The rules stand with the use cases.
import { builder } from '../../graphql/builder.ts'
import { MoneyInput } from '../../graphql/money.ts'
import { addMutation } from '../../graphql/mutation.ts'
import { nodeUuid } from '../../graphql/node-ids.ts'
import { Payment, PaymentProvider, Refund } from '../refs.ts'
import { connectProvider, paymentProviderConnect } from './connect-provider.ts'
import { createRefund, refundCreate } from './create-refund.ts'
import { disconnectProvider, paymentProviderDisconnect } from './disconnect-provider.ts'
import { MANUAL_METHODS } from './manual.ts'
import { paymentRecord, recordPayment } from './record-payment.ts'
import { recordRefund, refundRecord } from './record-refund.ts'
import { paymentProviderRotateWebhookSecret, rotateWebhookSecret } from './rotate-webhook-secret.ts'
import { paymentTake, takePayment } from './take-payment.ts'

addMutation(paymentTake, {
  description:
    'Takes a payment of an order. The same key charges once, however often it is sent, and whatever breaks between: send ' +
    'it again until the payment is SUCCEEDED or FAILED. A payment that failed is shown beside the reason.',
  needsKey: true,
  fields: (t) => ({
    orderId: t.id({ required: true }),
    paymentMethod: t.string({
      required: true,
      description: "The provider's word for a way to pay, made by its library in the browser: pm_card_visa.",
    }),
    amount: t.field({ type: MoneyInput, description: 'All that is left to pay, unless told.' }),
    returnUrl: t.string({
      description:
        'Where the buyer comes back to after confirming with their bank. Without it, no such payment is tried.',
    }),
  }),
  result: { field: 'payment', type: Payment, model: 'Payment' },
  run: (caller, { orderId, ...input }, { payments }) =>
    takePayment(caller, payments, { orderId: nodeUuid('Order', orderId), ...input }),
})

addMutation(refundCreate, {
  description:
    'Gives a payment back, or a part of it; together never more than was taken. The same key does so once, however ' +
    'often it is sent.',
  needsKey: true,
  fields: (t) => ({
    paymentId: t.id({ required: true }),
    amount: t.field({ type: MoneyInput, description: 'All that is left of the payment, unless told.' }),
    reason: t.string(),
  }),
  result: { field: 'refund', type: Refund, model: 'Refund' },
  run: (caller, { paymentId, ...input }, { payments }) =>
    createRefund(caller, payments, { paymentId: nodeUuid('Payment', paymentId), ...input }),
})

const ManualMethod = builder.enumType('ManualPaymentMethod', {
  description:
    'How money changed hands that no provider moved. CASH goes into the till, anything else into the bank.',
  values: MANUAL_METHODS,
})

addMutation(paymentRecord, {
  description:
    'Records money that was received by hand for an order. Books it at once; no provider is asked. Never more than is left ' +
    'to pay.',
  needsKey: true,
  fields: (t) => ({
    orderId: t.id({ required: true }),
    amount: t.field({ type: MoneyInput, description: 'Default: all that is left to pay.' }),
    method: t.field({ type: ManualMethod, required: true }),
    reference: t.string({ description: 'A receipt, or what the bank statement says.' }),
    receivedAt: t.field({ type: 'DateTime', description: 'Default: now.' }),
    note: t.string(),
  }),
  result: { field: 'payment', type: Payment, model: 'Payment' },
  run: (caller, { orderId, ...input }) =>
    recordPayment(caller, { orderId: nodeUuid('Order', orderId), ...input }),
})

addMutation(refundRecord, {
  description:
    'Records money that was given back by hand, of a payment that was received by hand. What a provider took is given back ' +
    'by it alone: see refundCreate.',
  needsKey: true,
  fields: (t) => ({
    paymentId: t.id({ required: true }),
    amount: t.field({ type: MoneyInput, description: 'Default: all that is left of the payment.' }),
    method: t.field({ type: ManualMethod, required: true }),
    reference: t.string({ description: 'A receipt, or what the bank statement says.' }),
    givenAt: t.field({ type: 'DateTime', description: 'Default: now.' }),
    reason: t.string(),
  }),
  result: { field: 'refund', type: Refund, model: 'Refund' },
  run: (caller, { paymentId, ...input }) =>
    recordRefund(caller, { paymentId: nodeUuid('Payment', paymentId), ...input }),
})

const ConnectableProvider = builder.enumType('ConnectableProvider', {
  description: 'SANDBOX moves no real money; it is there outside production.',
  values: ['STRIPE', 'SANDBOX'] as const,
})

addMutation(paymentProviderConnect, {
  description:
    "Connects the merchant's account with a payment provider, in place of the one before. The secrets are kept sealed.",
  fields: (t) => ({
    provider: t.field({ type: ConnectableProvider, required: true }),
    secretKey: t.string({
      description: 'Of STRIPE: sk_…, or a restricted key rk_…. The sandbox needs none.',
    }),
    webhookSecret: t.string({
      description: 'Of a webhook endpoint that you made yourself: whsec_…. Without it, one is made.',
    }),
  }),
  result: { field: 'paymentProvider', type: PaymentProvider, model: 'PaymentProvider' },
  run: (caller, input, { payments }) => connectProvider(caller, payments, input),
})

addMutation(paymentProviderDisconnect, {
  description:
    'Ends an account, also one that was replaced: no payment is taken by it any more. Its events count until a date; its ' +
    'keys are forgotten when nothing is open with it after that.',
  fields: (t) => ({
    id: t.id({ required: true }),
    expectedVersion: t.int({ required: true }),
    eventsUntil: t.field({
      type: 'DateTime',
      description:
        'Until when its events count for the payments that it took: at most 180 days from now. A time that is past ends ' +
        'them at once. Default: 3 days, for as long as an event is sent again.',
    }),
  }),
  result: { field: 'paymentProvider', type: PaymentProvider, model: 'PaymentProvider' },
  run: (caller, { id, ...input }) =>
    disconnectProvider(caller, { id: nodeUuid('PaymentProvider', id), ...input }),
})

addMutation(paymentProviderRotateWebhookSecret, {
  description:
    'Gives the active account another secret for its events. The one before counts until a date, and the one before that ends.',
  fields: (t) => ({
    id: t.id({ required: true }),
    expectedVersion: t.int({ required: true }),
    webhookSecret: t.string({
      description:
        'The new secret of an endpoint that you made yourself: whsec_…. Without it, another endpoint is made, and the one ' +
        'before is deleted when its secret ends.',
    }),
    previousUntil: t.field({
      type: 'DateTime',
      description:
        'Until when the secret before counts as well: at most 7 days from now. A time that is past ends it at once. ' +
        'Default: 24 hours.',
    }),
  }),
  result: { field: 'paymentProvider', type: PaymentProvider, model: 'PaymentProvider' },
  run: (caller, { id, ...input }, { payments }) =>
    rotateWebhookSecret(caller, payments, { id: nodeUuid('PaymentProvider', id), ...input }),
})
