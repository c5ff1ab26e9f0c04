// The stock of a demo shop: each variant's movements from its first delivery on, and its final level. Deliveries are
// placed so that no level is ever negative.
import type { Offer, OfferedVariant } from './catalogue.ts'
import { demoId } from './demo-id.ts'
import type { DemoOrder } from './orders.ts'
import { DAY_MS, END_MS, HOUR_MS } from './period.ts'
import { type Random, randomFrom } from './random.ts'
import type { StockLevelRow, StockMovementRow } from './rows.ts'
import type { Shop } from './shop.ts'

interface Move {
  atMs: number
  reason: StockMovementRow['reason']
  onHandDelta: number
  reservedDelta: number
  orderId: string | null
}

export interface DemoStock {
  levels: StockLevelRow[]
  /** In order of time. */
  movements: StockMovementRow[]
}

const SOLD_OUT_SHARE = 0.025
/** The share of archived products' variants that are sold out. */
const CLEARED_SHARE = 0.5
const LOW_SHARE = 0.05
const LOW_MAX = 4
/** A shop reorders when less than this share of a delivery would be left. */
const REORDER_SHARE = 0.25
const DAMAGE_SHARE = 0.02
const COUNT_SHARE = 0.02

/** The levels and movements of all variants. */
export function demoStock(shop: Shop, offers: readonly Offer[], orders: readonly DemoOrder[]): DemoStock {
  const random = randomFrom(`${shop.slug}/stock`)
  const demand = demandOf(orders)
  const levels: StockLevelRow[] = []
  const movements: StockMovementRow[] = []
  for (const offer of offers) {
    for (const variant of offer.variants) {
      const moves =
        offer.product.status === 'DRAFT'
          ? []
          : history(offer, variant, demand.get(variant.row.id) ?? [], random)
      movements.push(...moves.map((move) => movementRow(variant.row.id, move, random)))
      levels.push({
        variantId: variant.row.id,
        onHand: moves.reduce((sum, move) => sum + move.onHandDelta, 0),
        reserved: moves.reduce((sum, move) => sum + move.reservedDelta, 0),
      })
    }
  }
  return { levels, movements: movements.sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime()) }
}

/** The stock moves of the orders, by variant, in order of time: reserve, then release or send. */
function demandOf(orders: readonly DemoOrder[]): Map<string, Move[]> {
  const demand = new Map<string, Move[]>()
  for (const { row, lines } of orders) {
    for (const { variantId, quantity } of lines) {
      const moves = demand.get(variantId) ?? []
      demand.set(variantId, moves)
      moves.push(move(row.placedAt, 'RESERVATION', 0, quantity, row.id))
      if (row.fulfilledAt) moves.push(move(row.fulfilledAt, 'FULFILMENT', -quantity, -quantity, row.id))
      if (row.cancelledAt) moves.push(move(row.cancelledAt, 'RELEASE', 0, -quantity, row.id))
    }
  }
  for (const moves of demand.values()) moves.sort((a, b) => a.atMs - b.atMs)
  return demand
}

/** Adds deliveries and losses between the moves of a variant's orders. */
function history(offer: Offer, variant: OfferedVariant, demand: readonly Move[], random: Random): Move[] {
  const lot = lotOf(variant)
  const target = demand.length === 0 ? null : scarcityOf(offer, random)
  const reorderPoint = target === null ? Math.ceil(lot * REORDER_SHARE) : 0
  const moves: Move[] = []
  let available = 0
  let lastMs = offer.saleFromMs - random.between(1, 4) * DAY_MS
  const add = (next: Move): void => {
    moves.push(next)
    available += next.onHandDelta - next.reservedDelta
    lastMs = next.atMs
  }

  if (target === null) add(delivery(lastMs, lot * random.between(1, 2)))
  demand.forEach((ask, index) => {
    if (available - ask.reservedDelta < reorderPoint) {
      const wanted =
        target === null ? Number.POSITIVE_INFINITY : lastLot(available, target, demand.slice(index))
      const quantity = Math.max(Math.min(lot, wanted), ask.reservedDelta - available)
      add(delivery(between(lastMs, ask.atMs, random), quantity))
    }
    add(ask)
    const loss = target === null && available > LOW_MAX ? lossOf(random) : null
    const until = demand[index + 1]?.atMs ?? END_MS
    if (loss && until - lastMs > DAY_MS) add({ ...loss, atMs: lastMs + random.between(1, 20) * HOUR_MS })
  })
  return moves
}

/** The delivery that covers all further demand and leaves `target`, counting releases. */
function lastLot(available: number, target: number, ahead: readonly Move[]): number {
  let net = available
  let lowest = available
  for (const ask of ahead) {
    net += ask.onHandDelta - ask.reservedDelta
    lowest = Math.min(lowest, net)
  }
  return Math.max(target - net, -lowest, 0)
}

/** The final level of the few scarce variants; null for the rest. */
function scarcityOf(offer: Offer, random: Random): number | null {
  const fate = random.next()
  if (fate < (offer.product.status === 'ARCHIVED' ? CLEARED_SHARE : SOLD_OUT_SHARE)) return 0
  return fate < SOLD_OUT_SHARE + LOW_SHARE ? random.between(1, LOW_MAX) : null
}

/** The size of a delivery: larger for cheaper variants. */
function lotOf(variant: OfferedVariant): number {
  const price = variant.row.priceMinor
  return price < 25_00n ? 60 : price < 80_00n ? 36 : price < 200_00n ? 24 : 12
}

function lossOf(random: Random): Omit<Move, 'atMs'> | null {
  const fate = random.next()
  const none = { reservedDelta: 0, orderId: null }
  if (fate < DAMAGE_SHARE) return { ...none, reason: 'DAMAGE', onHandDelta: -random.between(1, 2) }
  if (fate < DAMAGE_SHARE + COUNT_SHARE)
    return { ...none, reason: 'COUNT', onHandDelta: random.pick([-2, -1, -1, 1, 1, 2]) }
  return null
}

function delivery(atMs: number, quantity: number): Move {
  return { atMs, reason: 'RECEIPT', onHandDelta: quantity, reservedDelta: 0, orderId: null }
}

function between(fromMs: number, untilMs: number, random: Random): number {
  return fromMs + Math.floor((untilMs - fromMs) * (0.2 + random.next() * 0.7))
}

function move(
  at: Date,
  reason: Move['reason'],
  onHandDelta: number,
  reservedDelta: number,
  orderId: string,
): Move {
  return { atMs: at.getTime(), reason, onHandDelta, reservedDelta, orderId }
}

function movementRow(variantId: string, { atMs, ...rest }: Move, random: Random): StockMovementRow {
  return { id: demoId(atMs, random), variantId, ...rest, createdAt: new Date(atMs) }
}
