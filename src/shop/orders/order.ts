// The rules of an order: what its lines may ask for, what they come to, and why one is refused. No I/O.
import type { Detail, Reason } from '../../commands/outcome.ts'
import { type Money, toDecimal } from '../../core/money.ts'
import type { PlaceOrderErrorCode } from './place-order.ts'

export const LINES_MAX = 100
export const QUANTITY_MAX = 10_000
const READS_STOCK = ['stock:read'] as const

export type AskedLine = { readonly variantId: string; readonly quantity: number }

/** A line as the catalogue and the warehouse see it; no offer where this tenant has no such variant. */
export type OfferedLine = AskedLine & {
  readonly offer: {
    readonly sku: string
    readonly currency: string
    readonly priceMinor: bigint
    readonly forSale: boolean
    readonly available: number
  } | null
}

/** Every reason why these lines cannot be sold to this customer. At least one: the order was refused. */
export function refusalsOf(
  asked: readonly AskedLine[],
  offered: readonly OfferedLine[],
  { customerFound, expectedTotal }: { readonly customerFound: boolean; readonly expectedTotal: Money | null },
): Reason<PlaceOrderErrorCode>[] {
  const refusals: Reason<PlaceOrderErrorCode>[] = []
  if (!customerFound) refusals.push(refusal(['customerId'], 'there is no such customer', 'NOT_FOUND'))
  for (const [index, line] of offered.entries()) refusals.push(...lineRefusals(asked, line, index))
  const currencies = new Set(offered.flatMap(({ offer }) => offer?.currency ?? []))
  if (currencies.size > 1) {
    refusals.push(
      refusal(['lines'], 'one order is in one currency', 'CURRENCY_MIXED', {
        message: `one order is in one currency, not in ${[...currencies].join(' and ')}`,
        needs: ['catalogue:read'],
      }),
    )
  }
  const total = totalOf(offered)
  if (expectedTotal !== null && total !== null && !isSameAmount(total, expectedTotal)) {
    refusals.push(
      refusal(['expectedTotal'], `it does not cost ${inWords(expectedTotal)} any more`, 'PRICE_CHANGED', {
        message: `it costs ${inWords(total)} by now, not ${inWords(expectedTotal)}`,
        needs: ['catalogue:read'],
      }),
    )
  }
  // How much is left could be asked without an order, line by line: who may not read stock is told it last, and of no line.
  if (refusals.length > 0 && refusals.every(({ code }) => code === 'STOCK_INSUFFICIENT')) {
    refusals.push({
      ...refusal(['lines'], 'not so many are left', 'STOCK_INSUFFICIENT'),
      onlyWithout: READS_STOCK,
    })
  }
  // Everything could be sold when it was looked at, and not any more when it was to be reserved.
  if (refusals.length === 0)
    refusals.push(refusal(['lines'], 'somebody else was faster: not enough is left', 'STOCK_INSUFFICIENT'))
  return refusals
}

/** What the lines cost now; null when not all of them are to be had, in one currency. */
function totalOf(offered: readonly OfferedLine[]): Money | null {
  const [currency, ...others] = new Set(offered.map(({ offer }) => offer?.currency))
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

function inWords(money: Money): string {
  return `${toDecimal(money)} ${money.currency}`
}

function lineRefusals(
  asked: readonly AskedLine[],
  { variantId, quantity, offer }: OfferedLine,
  index: number,
): Reason<PlaceOrderErrorCode>[] {
  const at = ['lines', String(index)]
  // First, since ids that are none are all taken for the same one.
  if (offer === null) return [refusal([...at, 'variantId'], 'there is no such variant', 'NOT_FOUND')]
  if (asked.findIndex((other) => other.variantId === variantId) < index) {
    return [refusal([...at, 'variantId'], 'another line has this variant', 'DUPLICATE_LINE')]
  }
  const { sku, forSale, available } = offer
  if (!forSale) {
    const detail: Detail = { message: `${sku} is not for sale`, needs: ['catalogue:read'] }
    return [refusal([...at, 'variantId'], 'this is not for sale', 'NOT_FOR_SALE', detail)]
  }
  if (available >= quantity) return []
  const message = `only ${available} of ${sku} left, ${quantity} asked`
  const detail: Detail = { message, needs: ['catalogue:read', 'stock:read'] }
  const short = refusal([...at, 'quantity'], 'not so many are left', 'STOCK_INSUFFICIENT', detail)
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
