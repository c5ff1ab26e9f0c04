// The shop's object types that several domains refer to, declared before their own domain implements them, and an enum that
// several use.
import type { RefundReason as RefundReasonValue } from '../generated/prisma/client.ts'
import { builder } from '../graphql/builder.ts'
import { connectionOf } from '../graphql/connections.ts'
import { nodeRef } from '../graphql/refs.ts'

export const Variant = nodeRef('Variant')
export const StockMovement = nodeRef('StockMovement')
export const Customer = nodeRef('Customer')
export const Order = nodeRef('Order')
export const OrderLine = nodeRef('OrderLine')
export const OrderNote = nodeRef('OrderNote')
export const Payment = nodeRef('Payment')
export const Refund = nodeRef('Refund')
export const RefundLine = nodeRef('RefundLine')
export const Dispute = nodeRef('Dispute')
export const PaymentProvider = nodeRef('PaymentProvider')
export const ProviderEvent = nodeRef('ProviderEvent')
export const LedgerAccount = nodeRef('LedgerAccount')
export const JournalEntry = nodeRef('JournalEntry')
export const Posting = nodeRef('Posting')

export const StockMovementConnection = connectionOf('StockMovement', StockMovement, 'stock:read')
export const OrderConnection = connectionOf('Order', Order, 'orders:read')
export const OrderLineConnection = connectionOf('OrderLine', OrderLine, 'orders:read')
export const PaymentConnection = connectionOf('Payment', Payment, 'payments:read')
export const RefundConnection = connectionOf('Refund', Refund, 'payments:read')
export const RefundLineConnection = connectionOf('RefundLine', RefundLine, 'payments:read')
export const DisputeConnection = connectionOf('Dispute', Dispute, 'payments:read')
export const PaymentProviderConnection = connectionOf('PaymentProvider', PaymentProvider, 'payments:manage')
export const ProviderEventConnection = connectionOf('ProviderEvent', ProviderEvent, 'payments:manage')
export const LedgerAccountConnection = connectionOf('LedgerAccount', LedgerAccount, 'ledger:read')
export const JournalEntryConnection = connectionOf('JournalEntry', JournalEntry, 'ledger:read')
export const PostingConnection = connectionOf('Posting', Posting, 'ledger:read')

export const RefundReason = builder.enumType('RefundReason', {
  description: 'Why a refund was made. A refund made at the provider has the reason that it was given there.',
  values: {
    CUSTOMER_REQUEST: { description: 'The buyer changed their mind.' },
    DAMAGED: { description: 'It arrived damaged.' },
    DEFECTIVE: { description: 'It does not work as it should.' },
    WRONG_ITEM: { description: 'Something else was sent than was ordered.' },
    NOT_RECEIVED: { description: 'It did not arrive.' },
    DUPLICATE: { description: 'It was ordered or paid twice.' },
    FRAUD: {
      description:
        'The payment was not made by the owner of the card. Stripe then blocks the card and the email address.',
    },
    GOODWILL: { description: 'The merchant gives something back without having to.' },
    OTHER: { description: 'None of these; the note says more.' },
  } satisfies Record<RefundReasonValue, { description: string }>,
})
