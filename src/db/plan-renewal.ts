// A session keeps a statement's plan until the schema or the table's statistics change, and the growth of a table changes
// neither before it is analysed. A plan that was made for an empty table reads the whole table, at every use.
import type pg from 'pg'
import type { Statement } from './scope.ts'

/**
 * A connection's plans are discarded after so many messages and transactions, then after twice as many, and so on: no plan is
 * older than half of the connection's uses, and a renewal costs nothing in the long run.
 */
const KEPT_MIN = 16
/** Not more than so many: what grows later is analysed by autovacuum, within a minute. */
const KEPT_MAX = 32_768

const DISCARD: readonly Statement[] = [{ text: 'DISCARD PLANS', values: [] }]
const NOTHING: readonly Statement[] = []

type Uses = { left: number; kept: number }
const uses = new WeakMap<pg.PoolClient, Uses>()

/** What is sent before the next message or transaction of a connection: usually nothing. */
export function renewal(client: pg.PoolClient): readonly Statement[] {
  const use = usesOf(client)
  use.left -= 1
  if (use.left > 0) return NOTHING
  use.kept = Math.min(2 * use.kept, KEPT_MAX)
  use.left = use.kept
  return DISCARD
}

function usesOf(client: pg.PoolClient): Uses {
  const known = uses.get(client)
  if (known !== undefined) return known
  const made = { left: KEPT_MIN, kept: KEPT_MIN }
  uses.set(client, made)
  return made
}
