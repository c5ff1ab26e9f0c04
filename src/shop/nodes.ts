// The shop's types of nodes, by the prefixes of their ids.
import { defineNodes } from '../graphql/node-ids.ts'

const SHOP = defineNodes({
  prod: 'Product',
  var: 'Variant',
  mov: 'StockMovement',
  cust: 'Customer',
  ord: 'Order',
  line: 'OrderLine',
  pay: 'Payment',
  ref: 'Refund',
  dsp: 'Dispute',
  prov: 'PaymentProvider',
  evt: 'ProviderEvent',
  acct: 'LedgerAccount',
  entry: 'JournalEntry',
  post: 'Posting',
})
type ShopNodes = typeof SHOP

declare module '../graphql/node-ids.ts' {
  interface NodeTypes extends ShopNodes {}
}
