// The rules of an order: what its lines may contain, what they cost, and why an order is refused. No I/O.
import type { Detail, Reason } from '../../commands/outcome.ts'
import { formatMoney, type Money, moneyParams } from '../../core/money.ts'
import type { PlaceOrderErrorCode } from './place-order.ts'

export const LINES_MAX = 100
export const QUANTITY_MAX = 10_000
const READS_STOCK = ['stock:read'] as const

export type AskedLine = { readonly variantId: string; readonly quantity: number }

/** A line with its variant's offer and stock; the offer is null where this tenant has no such variant. */
export type OfferedLine = AskedLine & {
  readonly offer: {
    readonly sku: string
    readonly currency: string
    readonly priceMinor: bigint
    readonly forSale: boolean
    readonly available: number
  } | null
}

/** Every reason why these lines cannot be sold to this customer; at least one. For an order that was refused. */
export function refusalsOf(
  asked: readonly AskedLine[],
  offered: readonly OfferedLine[],
  { customerFound, expectedTotal }: { readonly customerFound: boolean; readonly expectedTotal: Money | null },
): Reason<PlaceOrderErrorCode>[] {
  const refusals: Reason<PlaceOrderErrorCode>[] = []
  if (!customerFound) refusals.push(refusal(['customerId'], 'there is no such customer', 'NOT_FOUND'))
  for (const [index, line] of offered.entries()) refusals.push(...lineRefusals(asked, line, index))
  // Lines that are not for sale do not count: their product may be hidden from the caller.
  const currencies = new Set(offered.flatMap(({ offer }) => (offer?.forSale ? offer.currency : [])))
  if (currencies.size > 1) {
    refusals.push(
      refusal(['lines'], 'an order has one currency', 'CURRENCY_MIXED', {
        message: `an order has one currency, not ${[...currencies].join(' and ')}`,
        params: { currencies: [...currencies] },
        needs: ['catalogue:read'],
      }),
    )
  }
  const total = totalOf(offered)
  if (expectedTotal !== null && total !== null && !isSameAmount(total, expectedTotal)) {
    refusals.push(
      refusal(['expectedTotal'], `the total is no longer ${formatMoney(expectedTotal)}`, 'PRICE_CHANGED', {
        message: `the total is now ${formatMoney(total)}, not ${formatMoney(expectedTotal)}`,
        params: { total: moneyParams(total) },
        needs: ['catalogue:read'],
      }),
    )
  }
  // Line by line, the refusals would tell the stock level without an order. Callers who may not read stock get this
  // reason only when no other remains, and without the line.
  if (refusals.length > 0 && refusals.every(({ code }) => code === 'STOCK_INSUFFICIENT')) {
    refusals.push({
      ...refusal(['lines'], 'not enough in stock', 'STOCK_INSUFFICIENT'),
      onlyWithout: READS_STOCK,
    })
  }
  // Everything was available when it was read, and no longer when it was to be reserved.
  if (refusals.length === 0)
    refusals.push(
      refusal(['lines'], 'sold to another order meanwhile: not enough in stock', 'STOCK_INSUFFICIENT'),
    )
  return refusals
}

/** What the lines cost now; null when a line is not for sale or the currencies differ. */
function totalOf(offered: readonly OfferedLine[]): Money | null {
  const [currency, ...others] = new Set(
    offered.map(({ offer }) => (offer?.forSale ? offer.currency : undefined)),
  )
  if (currency === undefined || others.length > 0) return null
  const amountMinor = offered.reduce(
    (sum, { offer, quantity }) => sum + (offer?.priceMinor ?? 0n) * BigInt(quantity),
    0n,
  )
  return { amountMinor, currency }
}

function isSameAmount(one: Money, other: Money): boolean {
  return one.amountMinor === other.amountMinor && one.currency === other.currency
}

function lineRefusals(
  asked: readonly AskedLine[],
  { variantId, quantity, offer }: OfferedLine,
  index: number,
): Reason<PlaceOrderErrorCode>[] {
  const at = ['lines', String(index)]
  // First, since all malformed ids map to the same id.
  if (offer === null) return [refusal([...at, 'variantId'], 'there is no such variant', 'NOT_FOUND')]
  if (asked.findIndex((other) => other.variantId === variantId) < index) {
    return [refusal([...at, 'variantId'], 'another line has this variant', 'DUPLICATE_LINE')]
  }
  const { sku, forSale, available } = offer
  if (!forSale) {
    const detail: Detail = {
      message: `${sku} is not for sale`,
      params: { sku },
      needs: ['catalogue:read', 'unpublished:read'],
    }
    return [refusal([...at, 'variantId'], 'this is not for sale', 'NOT_FOR_SALE', detail)]
  }
  if (available >= quantity) return []
  const message = `only ${available} of ${sku} left, ${quantity} asked`
  const params = { sku, available, asked: quantity }
  const detail: Detail = { message, params, needs: ['catalogue:read', 'stock:read'] }
  const short = refusal([...at, 'quantity'], 'not enough in stock', 'STOCK_INSUFFICIENT', detail)
  return [{ ...short, onlyWith: READS_STOCK }]
}

function refusal(
  field: string[],
  message: string,
  code: PlaceOrderErrorCode,
  detail?: Detail,
): Reason<PlaceOrderErrorCode> {
  return { field, message, code, ...(detail && { detail }) }
}
