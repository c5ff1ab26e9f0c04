// The shop's object types that several domains refer to, declared before their own domain implements them.
import { connectionOf } from '../graphql/connections.ts'
import { nodeRef } from '../graphql/refs.ts'

export const Variant = nodeRef('Variant')
export const StockMovement = nodeRef('StockMovement')
export const Customer = nodeRef('Customer')
export const Order = nodeRef('Order')
export const OrderLine = nodeRef('OrderLine')
export const Payment = nodeRef('Payment')
export const Refund = nodeRef('Refund')
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
export const DisputeConnection = connectionOf('Dispute', Dispute, 'payments:read')
export const PaymentProviderConnection = connectionOf('PaymentProvider', PaymentProvider, 'payments:manage')
export const ProviderEventConnection = connectionOf('ProviderEvent', ProviderEvent, 'payments:manage')
export const LedgerAccountConnection = connectionOf('LedgerAccount', LedgerAccount, 'ledger:read')
export const JournalEntryConnection = connectionOf('JournalEntry', JournalEntry, 'ledger:read')
export const PostingConnection = connectionOf('Posting', Posting, 'ledger:read')
