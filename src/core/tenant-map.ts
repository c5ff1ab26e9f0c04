// A map of bounded weight in which each tenant has its own keys and a bound of its own. Knows nothing of what it keeps.

type Entry<Value> = { readonly value: Value; readonly weight: number }
type Own<Value> = { readonly entries: Map<string, Entry<Value>>; weight: number }

export type TenantMap<Value> = {
  get(tenantId: string, key: string): Value | undefined
  /** Keeps the value; what the tenant has not used for longest makes room, then what the quietest tenant has. */
  set(tenantId: string, key: string, value: Value, weight: number): void
  readonly weight: number
}

/** An entry of more than `weightPerTenantMax` is not kept. */
export function createTenantMap<Value>(bounds: {
  readonly weightMax: number
  readonly weightPerTenantMax: number
}): TenantMap<Value> {
  const { weightMax, weightPerTenantMax } = bounds
  // Both kinds of maps are in the order of their last use: JavaScript's maps keep the order of insertion.
  const tenants = new Map<string, Own<Value>>()
  let total = 0

  function dropFirst(own: Own<Value>): void {
    for (const [key, { weight }] of own.entries) {
      own.entries.delete(key)
      own.weight -= weight
      total -= weight
      return
    }
  }

  function dropQuietest(): void {
    for (const [tenantId, own] of tenants) {
      dropFirst(own)
      if (own.entries.size === 0) tenants.delete(tenantId)
      return
    }
  }

  function touch(tenantId: string, own: Own<Value>, key: string, entry: Entry<Value>): void {
    tenants.delete(tenantId)
    tenants.set(tenantId, own)
    own.entries.delete(key)
    own.entries.set(key, entry)
  }

  return {
    get(tenantId, key) {
      const own = tenants.get(tenantId)
      const entry = own?.entries.get(key)
      if (own === undefined || entry === undefined) return undefined
      touch(tenantId, own, key, entry)
      return entry.value
    },
    set(tenantId, key, value, weight) {
      if (weight > weightPerTenantMax) return
      const own = tenants.get(tenantId) ?? { entries: new Map(), weight: 0 }
      const change = weight - (own.entries.get(key)?.weight ?? 0)
      own.weight += change
      total += change
      touch(tenantId, own, key, { value, weight })
      while (own.weight > weightPerTenantMax) dropFirst(own)
      while (total > weightMax) dropQuietest()
    },
    get weight() {
      return total
    },
  }
}
