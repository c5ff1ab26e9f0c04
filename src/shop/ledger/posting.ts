// What business events mean in double entry: which accounts, which side. Pure; post-entry.ts writes it. The chart itself
// is made by app.open_accounts, with the same codes.

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

/** One posting of an entry, in minor units: debits are positive, credits negative. */
export type EntryLine = { readonly account: AccountCode; readonly amountMinor: bigint }

type Received = { readonly amountMinor: bigint; readonly byHand: boolean; readonly inCash?: boolean }

/** Where money is that was taken: by hand in the till or in the bank at once; else the provider has it. */
function placeOf({ byHand, inCash = false }: Received): AccountCode {
  if (!byHand) return ACCOUNT_CODES.providerBalance
  return inCash ? ACCOUNT_CODES.cash : ACCOUNT_CODES.bank
}

/** Money taken of an order. */
export function saleLines(received: Received): EntryLine[] {
  return entry(placeOf(received), ACCOUNT_CODES.sales, received.amountMinor)
}

/** Money given back. */
export function refundLines(given: Received): EntryLine[] {
  return entry(ACCOUNT_CODES.refunds, placeOf(given), given.amountMinor)
}

/** What the provider kept. */
export function feeLines(amountMinor: bigint): EntryLine[] {
  return entry(ACCOUNT_CODES.fees, ACCOUNT_CODES.providerBalance, amountMinor)
}

/** What the provider paid out to the merchant's bank. */
export function payoutLines(amountMinor: bigint): EntryLine[] {
  return entry(ACCOUNT_CODES.bank, ACCOUNT_CODES.providerBalance, amountMinor)
}

/**
 * What a dispute moved, with its sign at the provider (negative: withdrawn), and the fee for that. A withdrawal is an expense
 * at once, and not when the dispute is lost: an entry then says nothing that a later word could make untrue.
 */
export function disputeLines(moved: {
  readonly amountMinor: bigint
  readonly feeMinor: bigint
}): EntryLine[] {
  const lines: EntryLine[] = [
    { account: ACCOUNT_CODES.disputes, amountMinor: -moved.amountMinor },
    { account: ACCOUNT_CODES.disputeFees, amountMinor: moved.feeMinor },
    { account: ACCOUNT_CODES.providerBalance, amountMinor: moved.amountMinor - moved.feeMinor },
  ]
  return lines.filter(({ amountMinor }) => amountMinor !== 0n)
}

function entry(debit: AccountCode, credit: AccountCode, amountMinor: bigint): EntryLine[] {
  return [
    { account: debit, amountMinor },
    { account: credit, amountMinor: -amountMinor },
  ]
}
