// What business events mean in double entry: which accounts, which side. Pure; post-entry.ts writes it. The chart itself
// is made by app.open_accounts, with the same codes.

export const ACCOUNT_CODES = {
  bank: '1010',
  providerBalance: '1020',
  sales: '4010',
  refunds: '4020',
  fees: '5010',
} as const
export type AccountCode = (typeof ACCOUNT_CODES)[keyof typeof ACCOUNT_CODES]

/** One posting of an entry, in minor units: debits are positive, credits negative. */
export type EntryLine = { readonly account: AccountCode; readonly amountMinor: bigint }

type Received = { readonly amountMinor: bigint; readonly byHand: boolean }

/** Money taken of an order. By hand it is in the bank at once; else the provider has it. */
export function saleLines({ amountMinor, byHand }: Received): EntryLine[] {
  return entry(byHand ? ACCOUNT_CODES.bank : ACCOUNT_CODES.providerBalance, ACCOUNT_CODES.sales, amountMinor)
}

/** Money given back. */
export function refundLines({ amountMinor, byHand }: Received): EntryLine[] {
  return entry(
    ACCOUNT_CODES.refunds,
    byHand ? ACCOUNT_CODES.bank : ACCOUNT_CODES.providerBalance,
    amountMinor,
  )
}

/** What the provider kept. */
export function feeLines(amountMinor: bigint): EntryLine[] {
  return entry(ACCOUNT_CODES.fees, ACCOUNT_CODES.providerBalance, amountMinor)
}

/** What the provider paid out to the merchant's bank. */
export function payoutLines(amountMinor: bigint): EntryLine[] {
  return entry(ACCOUNT_CODES.bank, ACCOUNT_CODES.providerBalance, amountMinor)
}

function entry(debit: AccountCode, credit: AccountCode, amountMinor: bigint): EntryLine[] {
  return [
    { account: debit, amountMinor },
    { account: credit, amountMinor: -amountMinor },
  ]
}
