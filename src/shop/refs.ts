// The shop's object types that its domains refer to in each other, declared before their own domain implements them.
import type {
  Customer as CustomerRow,
  Dispute as DisputeRow,
  JournalEntry as JournalEntryRow,
  LedgerAccount as LedgerAccountRow,
  OrderLine as OrderLineRow,
  Order as OrderRow,
  PaymentProvider as PaymentProviderRow,
  Payment as PaymentRow,
  Posting as PostingRow,
  Product as ProductRow,
  ProviderEvent as ProviderEventRow,
  Refund as RefundRow,
  StockMovement as StockMovementRow,
  Variant as VariantRow,
} from '../generated/prisma/client.ts'
import { builder } from '../graphql/builder.ts'
import { connectionOf } from '../graphql/connections.ts'

export const Product = builder.objectRef<ProductRow>('Product')
export const Variant = builder.objectRef<VariantRow>('Variant')
export const StockMovement = builder.objectRef<StockMovementRow>('StockMovement')
export const Customer = builder.objectRef<CustomerRow>('Customer')
export const Order = builder.objectRef<OrderRow>('Order')
export const OrderLine = builder.objectRef<OrderLineRow>('OrderLine')
export const Payment = builder.objectRef<PaymentRow>('Payment')
export const Refund = builder.objectRef<RefundRow>('Refund')
export const Dispute = builder.objectRef<DisputeRow>('Dispute')
export const PaymentProvider = builder.objectRef<PaymentProviderRow>('PaymentProvider')
export const ProviderEvent = builder.objectRef<ProviderEventRow>('ProviderEvent')
export const LedgerAccount = builder.objectRef<LedgerAccountRow>('LedgerAccount')
export const JournalEntry = builder.objectRef<JournalEntryRow>('JournalEntry')
export const Posting = builder.objectRef<PostingRow>('Posting')

export const ProductConnection = connectionOf('Product', Product, 'catalogue:read')
export const VariantConnection = connectionOf('Variant', Variant, 'catalogue:read')
export const StockMovementConnection = connectionOf('StockMovement', StockMovement, 'stock:read')
export const CustomerConnection = connectionOf('Customer', Customer, 'customers:read')
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
