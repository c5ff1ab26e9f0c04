// The shop's node types, by the prefix of their ids.
import { defineNodes } from '../graphql/node-ids.ts'

defineNodes({
  mov: 'StockMovement',
  ord: 'Order',
  line: 'OrderLine',
  note: 'OrderNote',
  pay: 'Payment',
  ref: 'Refund',
  rline: 'RefundLine',
  dsp: 'Dispute',
  prov: 'PaymentProvider',
  evt: 'ProviderEvent',
  acct: 'LedgerAccount',
  entry: 'JournalEntry',
  post: 'Posting',
})
