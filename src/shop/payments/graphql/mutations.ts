// The mutations of payments, refunds and provider accounts. The use cases hold the rules.

import { builder, type SchemaTypes } from '../../../graphql/builder.ts'
import { describedValues } from '../../../graphql/described-values.ts'
import { MoneyInput } from '../../../graphql/money.ts'
import { addMutation } from '../../../graphql/mutation.ts'
import { nodeUuid } from '../../../graphql/node-ids.ts'
import { Payment, PaymentProvider, Refund, RefundReason } from '../../refs.ts'
import type { MANUAL_METHODS } from '../manual.ts'
import { connectProvider, paymentProviderConnect } from '../provider-account/connect-provider.ts'
import { disconnectProvider, paymentProviderDisconnect } from '../provider-account/disconnect-provider.ts'
import {
  paymentProviderRotateWebhookSecret,
  rotateWebhookSecret,
} from '../provider-account/rotate-webhook-secret.ts'
import { paymentRecord, recordPayment } from '../record-payment.ts'
import { createRefund, refundCreate } from '../refunds/create-refund.ts'
import { recordRefund, refundRecord } from '../refunds/record-refund.ts'
import { paymentTake, takePayment } from '../take-payment.ts'

type InputBuilder = PothosSchemaTypes.InputFieldBuilder<
  PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>,
  'InputObject'
>

addMutation(paymentTake, {
  description:
    'Takes a payment of an order. The same key charges once, no matter how often it is sent or what fails: send ' +
    'it again until the payment is SUCCEEDED or FAILED. A failed payment is returned with the reason.',
  needsKey: true,
  fields: (t) => ({
    orderId: t.id({ required: true }),
    paymentMethod: t.string({
      required: true,
      description: "The provider's id of a payment method, made by its library in the browser: pm_card_visa.",
    }),
    amount: t.field({ type: MoneyInput, description: 'Default: all that is left to pay.' }),
    returnUrl: t.string({
      description:
        'Where the buyer returns after confirming with their bank. Without it, payments that need a confirmation fail.',
    }),
  }),
  result: { field: 'payment', type: Payment, model: 'Payment' },
  run: (caller, { orderId, ...input }, { payments }) =>
    takePayment(caller, payments, { orderId: nodeUuid('Order', orderId), ...input }),
})

const RefundLineInput = builder.inputType('RefundLineInput', {
  description: "Pieces of one line of the payment's order, which is PAID or FULFILLED.",
  fields: (t) => ({
    lineId: t.id({ description: "A line of the payment's order.", required: true }),
    quantity: t.int({ required: true, description: 'At most the pieces that are not refunded yet.' }),
    restock: t.boolean({
      defaultValue: false,
      description:
        'Puts the pieces back into stock when the refund succeeds: they have come back from the buyer or, of an order that is ' +
        'not fulfilled yet, are not shipped. Needs stock:write too. Without it, stock is unchanged.',
    }),
  }),
})

/** What both mutations of refunds take. */
function refundFields(t: InputBuilder) {
  return {
    paymentId: t.id({ required: true }),
    lines: t.field({
      type: [RefundLineInput],
      description: 'The pieces that are refunded. Left out: an amount is, and the lines stay as they are.',
    }),
    amount: t.field({
      type: MoneyInput,
      description:
        'Default: the price of the lines, and without lines all that is left of the payment. At most that, for a part of it.',
    }),
    reason: t.field({ type: RefundReason }),
    note: t.string({ description: 'Why, in words: at most 500 characters.' }),
  }
}

/** The lines with the database's ids. */
function refundLines(lines: readonly (typeof RefundLineInput.$inferInput)[] | null | undefined) {
  return lines?.map(({ lineId, ...line }) => ({ ...line, lineId: nodeUuid('OrderLine', lineId) }))
}

addMutation(refundCreate, {
  description:
    'Refunds a payment: pieces of its order, an amount, or all that is left; the refunds never exceed the payment. The same ' +
    'key refunds once, no matter how often it is sent.',
  needsKey: true,
  fields: refundFields,
  result: { field: 'refund', type: Refund, model: 'Refund' },
  run: (caller, { paymentId, lines, ...input }, { payments }) =>
    createRefund(caller, payments, {
      ...input,
      paymentId: nodeUuid('Payment', paymentId),
      lines: refundLines(lines),
    }),
})

const ManualMethod = builder.enumType('ManualPaymentMethod', {
  description:
    'How money was received or returned by hand. CASH goes into the till, anything else into the bank.',
  values: describedValues<(typeof MANUAL_METHODS)[number]>({
    CASH: 'Goes into the till.',
    BANK_TRANSFER: 'Goes into the bank.',
    OTHER: 'Goes into the bank.',
  }),
})

addMutation(paymentRecord, {
  description:
    'Records money that was received by hand for an order. Books it at once, without a provider. Never more than is left ' +
    'to pay.',
  needsKey: true,
  fields: (t) => ({
    orderId: t.id({ required: true }),
    amount: t.field({ type: MoneyInput, description: 'Default: all that is left to pay.' }),
    method: t.field({ description: 'How it was received.', type: ManualMethod, required: true }),
    reference: t.string({ description: 'A receipt number, or the reference on the bank statement.' }),
    receivedAt: t.field({ type: 'DateTime', description: 'Default: now.' }),
    note: t.string(),
  }),
  result: { field: 'payment', type: Payment, model: 'Payment' },
  run: (caller, { orderId, ...input }) =>
    recordPayment(caller, { orderId: nodeUuid('Order', orderId), ...input }),
})

addMutation(refundRecord, {
  description:
    'Records a refund made by hand, of a payment that was received by hand. A payment through a provider is refunded ' +
    'by the provider: see refundCreate.',
  needsKey: true,
  fields: (t) => ({
    ...refundFields(t),
    method: t.field({ description: 'How it was given back.', type: ManualMethod, required: true }),
    reference: t.string({ description: 'A receipt number, or the reference on the bank statement.' }),
    givenAt: t.field({ type: 'DateTime', description: 'Default: now.' }),
  }),
  result: { field: 'refund', type: Refund, model: 'Refund' },
  run: (caller, { paymentId, lines, ...input }) =>
    recordRefund(caller, {
      ...input,
      paymentId: nodeUuid('Payment', paymentId),
      lines: refundLines(lines),
    }),
})

const ConnectableProvider = builder.enumType('ConnectableProvider', {
  description: 'SANDBOX moves no real money; it is available outside production.',
  values: describedValues({ STRIPE: 'Stripe.', SANDBOX: 'The sandbox, outside production.' }),
})

addMutation(paymentProviderConnect, {
  description:
    "Connects the merchant's account with a payment provider, in place of the previous one. The secrets are stored sealed.",
  fields: (t) => ({
    provider: t.field({ description: 'The provider.', type: ConnectableProvider, required: true }),
    secretKey: t.string({
      description: 'For STRIPE: sk_…, or a restricted key rk_…. The sandbox needs none.',
    }),
    webhookSecret: t.string({
      description:
        'The secret of a webhook endpoint that you made yourself: whsec_…. Default: an endpoint is made.',
    }),
  }),
  result: { field: 'paymentProvider', type: PaymentProvider, model: 'PaymentProvider' },
  run: (caller, input, { payments }) => connectProvider(caller, payments, input),
})

addMutation(paymentProviderDisconnect, {
  description:
    'Ends an account, also one that was replaced: it takes no new payments. Its events are accepted until a date; its ' +
    'keys are deleted once no payment of it is open after that.',
  fields: (t) => ({
    id: t.id({ required: true }),
    expectedVersion: t.int({ required: true }),
    eventsUntil: t.field({
      type: 'DateTime',
      description:
        'Until when its events are accepted for the payments that it took: at most 180 days from now. A time in the past ends ' +
        'them at once. Default: 3 days, as long as an event is resent.',
    }),
  }),
  result: { field: 'paymentProvider', type: PaymentProvider, model: 'PaymentProvider' },
  run: (caller, { id, ...input }) =>
    disconnectProvider(caller, { id: nodeUuid('PaymentProvider', id), ...input }),
})

addMutation(paymentProviderRotateWebhookSecret, {
  description:
    'Gives the active account a new secret for its events. The previous secret is accepted until a date; an older one ends now.',
  fields: (t) => ({
    id: t.id({ required: true }),
    expectedVersion: t.int({ required: true }),
    webhookSecret: t.string({
      description:
        'The new secret of an endpoint that you made yourself: whsec_…. Default: a new endpoint is made, and the previous ' +
        'one is deleted when its secret ends.',
    }),
    previousUntil: t.field({
      type: 'DateTime',
      description:
        'Until when the previous secret is also accepted: at most 7 days from now. A time in the past ends it at once. ' +
        'Default: 24 hours.',
    }),
  }),
  result: { field: 'paymentProvider', type: PaymentProvider, model: 'PaymentProvider' },
  run: (caller, { id, ...input }, { payments }) =>
    rotateWebhookSecret(caller, payments, { id: nodeUuid('PaymentProvider', id), ...input }),
})
