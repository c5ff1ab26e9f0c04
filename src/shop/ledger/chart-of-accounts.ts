// The codes of the accounts. The chart itself is in the migration `shop_ledger`: app.open_accounts makes it for each tenant.

export const ACCOUNT_CODES = {
  bank: '1010',
  providerBalance: '1020',
  sales: '4010',
  refunds: '4020',
  fees: '5010',
  disputes: '5020',
  disputeFees: '5030',
  cash: '1000',
} as const
export type AccountCode = (typeof ACCOUNT_CODES)[keyof typeof ACCOUNT_CODES]
