// What moves money, as mutations. The rules stand with the use cases.
import { builder } from '../graphql/builder.ts'
import { MoneyInput } from '../graphql/money.ts'
import { addMutation } from '../graphql/mutation.ts'
import { nodeUuid } from '../graphql/node.ts'
import { Payment, PaymentProvider, Refund } from '../graphql/refs.ts'
import { CONNECT_PROVIDER_ERRORS, connectProvider } from './connect-provider.ts'
import { CREATE_REFUND_ERRORS, createRefund } from './create-refund.ts'
import { MANUAL_METHODS } from './manual.ts'
import { RECORD_PAYMENT_ERRORS, recordPayment } from './record-payment.ts'
import { RECORD_REFUND_ERRORS, recordRefund } from './record-refund.ts'
import { TAKE_PAYMENT_ERRORS, takePayment } from './take-payment.ts'

addMutation('paymentTake', {
  permission: 'payments:take',
  description:
    'Takes a payment of an order. The same key charges once, however often it is sent, and whatever breaks between: send ' +
    'it again until the payment is SUCCEEDED or FAILED. A payment that failed is shown beside the reason.',
  input: builder.inputType('PaymentTakeInput', {
    fields: (t) => ({
      idempotencyKey: t.string({ required: true }),
      orderId: t.id({ required: true }),
      paymentMethod: t.string({
        required: true,
        description:
          "The provider's word for a way to pay, made by its library in the browser: pm_card_visa.",
      }),
      amount: t.field({ type: MoneyInput, description: 'All that is left to pay, unless told.' }),
      returnUrl: t.string({
        description:
          'Where the buyer comes back to after confirming with their bank. Without it, no such payment is tried.',
      }),
    }),
  }),
  result: { field: 'payment', type: Payment, model: 'Payment' },
  errors: TAKE_PAYMENT_ERRORS,
  run: (caller, { orderId, ...input }, { payments }) =>
    takePayment(caller, payments, { orderId: nodeUuid('Order', orderId), ...input }),
})

addMutation('refundCreate', {
  permission: 'payments:refund',
  description:
    'Gives a payment back, or a part of it; together never more than was taken. The same key does so once, however ' +
    'often it is sent.',
  input: builder.inputType('RefundCreateInput', {
    fields: (t) => ({
      idempotencyKey: t.string({ required: true }),
      paymentId: t.id({ required: true }),
      amount: t.field({ type: MoneyInput, description: 'All that is left of the payment, unless told.' }),
      reason: t.string(),
    }),
  }),
  result: { field: 'refund', type: Refund, model: 'Refund' },
  errors: CREATE_REFUND_ERRORS,
  run: (caller, { paymentId, ...input }, { payments }) =>
    createRefund(caller, payments, { paymentId: nodeUuid('Payment', paymentId), ...input }),
})

const ManualMethod = builder.enumType('ManualPaymentMethod', {
  description:
    'How money changed hands that no provider moved. CASH goes into the till, anything else into the bank.',
  values: MANUAL_METHODS,
})

addMutation('paymentRecord', {
  permission: 'payments:take',
  description:
    'Records money that was received by hand for an order. Books it at once; no provider is asked. Never more than is left ' +
    'to pay.',
  input: builder.inputType('PaymentRecordInput', {
    fields: (t) => ({
      idempotencyKey: t.string({ required: true }),
      orderId: t.id({ required: true }),
      amount: t.field({ type: MoneyInput, description: 'Default: all that is left to pay.' }),
      method: t.field({ type: ManualMethod, required: true }),
      reference: t.string({ description: 'A receipt, or what the bank statement says.' }),
      receivedAt: t.field({ type: 'DateTime', description: 'Default: now.' }),
      note: t.string(),
    }),
  }),
  result: { field: 'payment', type: Payment, model: 'Payment' },
  errors: RECORD_PAYMENT_ERRORS,
  run: (caller, { orderId, ...input }) =>
    recordPayment(caller, { orderId: nodeUuid('Order', orderId), ...input }),
})

addMutation('refundRecord', {
  permission: 'payments:refund',
  description:
    'Records money that was given back by hand, of a payment that was received by hand. What a provider took is given back ' +
    'by it alone: see refundCreate.',
  input: builder.inputType('RefundRecordInput', {
    fields: (t) => ({
      idempotencyKey: t.string({ required: true }),
      paymentId: t.id({ required: true }),
      amount: t.field({ type: MoneyInput, description: 'Default: all that is left of the payment.' }),
      method: t.field({ type: ManualMethod, required: true }),
      reference: t.string({ description: 'A receipt, or what the bank statement says.' }),
      givenAt: t.field({ type: 'DateTime', description: 'Default: now.' }),
      reason: t.string(),
    }),
  }),
  result: { field: 'refund', type: Refund, model: 'Refund' },
  errors: RECORD_REFUND_ERRORS,
  run: (caller, { paymentId, ...input }) =>
    recordRefund(caller, { paymentId: nodeUuid('Payment', paymentId), ...input }),
})

const ConnectableProvider = builder.enumType('ConnectableProvider', {
  description: 'SANDBOX moves no real money; it is there outside production.',
  values: ['STRIPE', 'SANDBOX'] as const,
})

addMutation('paymentProviderConnect', {
  permission: 'payments:manage',
  description:
    "Connects the merchant's account with a payment provider, in place of the one before. The secrets are kept sealed.",
  input: builder.inputType('PaymentProviderConnectInput', {
    fields: (t) => ({
      idempotencyKey: t.string(),
      provider: t.field({ type: ConnectableProvider, required: true }),
      secretKey: t.string({
        description: 'Of STRIPE: sk_…, or a restricted key rk_…. The sandbox needs none.',
      }),
      webhookSecret: t.string({
        description: 'Of a webhook endpoint that you made yourself: whsec_…. Without it, one is made.',
      }),
    }),
  }),
  result: { field: 'paymentProvider', type: PaymentProvider, model: 'PaymentProvider' },
  errors: CONNECT_PROVIDER_ERRORS,
  run: (caller, input, { payments }) => connectProvider(caller, payments, input),
})
