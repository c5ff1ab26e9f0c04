// The rules of an order: what its lines may ask for, what they come to, and why one is refused. No I/O.
import type { UserError } from '../commands/outcome.ts'
import type { Money } from '../core/money.ts'
import type { PlaceOrderErrorCode } from './place-order.ts'

export const LINES_MAX = 100
export const QUANTITY_MAX = 10_000

export type AskedLine = { readonly variantId: string; readonly quantity: number }

/** A line as the catalogue and the warehouse see it; nulls where this tenant has no such variant. */
export type PricedLine = AskedLine & {
  readonly sku: string | null
  readonly priceMinor: bigint | null
  readonly currency: string | null
  readonly forSale: boolean | null
  readonly available: number | null
}

/** The sum of lines in one currency. */
export function totalOf(lines: readonly PricedLine[]): Money {
  const amountMinor = lines.reduce((sum, line) => sum + (line.priceMinor ?? 0n) * BigInt(line.quantity), 0n)
  return { amountMinor, currency: lines[0]?.currency ?? '' }
}

/** Every reason why these lines cannot be sold to this customer. At least one: the order was refused. */
export function refusalsOf(
  asked: readonly AskedLine[],
  priced: readonly PricedLine[],
  customerFound: boolean,
): UserError<PlaceOrderErrorCode>[] {
  const refusals: UserError<PlaceOrderErrorCode>[] = []
  if (!customerFound) refusals.push(refusal(['customerId'], 'there is no such customer', 'NOT_FOUND'))
  for (const [index, line] of priced.entries()) refusals.push(...lineRefusals(asked, line, index))
  const currencies = new Set(priced.flatMap(({ currency }) => currency ?? []))
  if (currencies.size > 1) {
    refusals.push(
      refusal(
        ['lines'],
        `one order is in one currency, not in ${[...currencies].join(' and ')}`,
        'CURRENCY_MIXED',
      ),
    )
  }
  // Everything could be sold when it was looked at, and not any more when it was to be reserved.
  if (refusals.length === 0)
    refusals.push(refusal(['lines'], 'somebody else was faster: not enough is left', 'STOCK_INSUFFICIENT'))
  return refusals
}

function lineRefusals(
  asked: readonly AskedLine[],
  line: PricedLine,
  index: number,
): UserError<PlaceOrderErrorCode>[] {
  const at = ['lines', String(index)]
  // First, since ids that are none are all taken for the same one.
  if (line.sku === null) return [refusal([...at, 'variantId'], 'there is no such variant', 'NOT_FOUND')]
  if (asked.findIndex(({ variantId }) => variantId === line.variantId) < index) {
    return [refusal([...at, 'variantId'], 'another line has this variant', 'DUPLICATE_LINE')]
  }
  if (line.forSale !== true)
    return [refusal([...at, 'variantId'], `${line.sku} is not for sale`, 'NOT_FOR_SALE')]
  const available = line.available ?? 0
  if (available >= line.quantity) return []
  const message = `only ${available} of ${line.sku} left, ${line.quantity} asked`
  return [refusal([...at, 'quantity'], message, 'STOCK_INSUFFICIENT')]
}

function refusal(
  field: string[],
  message: string,
  code: PlaceOrderErrorCode,
): UserError<PlaceOrderErrorCode> {
  return { field, message, code }
}
