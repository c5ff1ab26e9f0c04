// The double entries of business events: which accounts, which side. Pure; post-entry.ts writes them.
import { ACCOUNT_CODES, type AccountCode } from './chart-of-accounts.ts'

/** One posting of an entry, in minor units: debits are positive, credits negative. */
export type EntryLine = { readonly account: AccountCode; readonly amountMinor: bigint }

type Received = { readonly amountMinor: bigint; readonly byHand: boolean; readonly inCash?: boolean }

/** The account that received money is in: the till or the bank when recorded by hand, otherwise the provider's. */
function assetAccountOf({ byHand, inCash = false }: Received): AccountCode {
  if (!byHand) return ACCOUNT_CODES.providerBalance
  return inCash ? ACCOUNT_CODES.cash : ACCOUNT_CODES.bank
}

/** A payment for an order. */
export function saleLines(received: Received): EntryLine[] {
  return entry(assetAccountOf(received), ACCOUNT_CODES.sales, received.amountMinor)
}

/** A refund. */
export function refundLines(given: Received): EntryLine[] {
  return entry(ACCOUNT_CODES.refunds, assetAccountOf(given), given.amountMinor)
}

/** The provider's fee. */
export function feeLines(amountMinor: bigint): EntryLine[] {
  return entry(ACCOUNT_CODES.fees, ACCOUNT_CODES.providerBalance, amountMinor)
}

/** A payout from the provider to the merchant's bank. */
export function payoutLines(amountMinor: bigint): EntryLine[] {
  return entry(ACCOUNT_CODES.bank, ACCOUNT_CODES.providerBalance, amountMinor)
}

/**
 * A dispute's movement, with its sign at the provider (negative: withdrawn), and its fee. A withdrawal is an expense at
 * once, not when the dispute is lost, so that no later event makes the entry wrong.
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
