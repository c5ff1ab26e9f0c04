// The rows of the benchmark's tenants, by number: ids are derived from the numbers, so that they need no look-up.
import { encodeId } from '../src/core/ids.ts'

/** The size of a seeded database. Every tenant has the same shape. */
export type Shape = {
  readonly tenants: number
  readonly ordersPerTenant: number
  /** The first tenant's orders, if it is larger than the others. */
  readonly ordersOfFirst?: number
}

export const SHAPE: Shape = { tenants: 100, ordersPerTenant: 1_000 }
/** For a run that shows only whether the benchmark works: seeded in a second. */
export const SMOKE_SHAPE: Shape = { tenants: 5, ordersPerTenant: 50 }
export const CUSTOMERS_PER_TENANT = 100
export const VARIANTS_PER_TENANT = 50
export const LINES_PER_ORDER = 3
/** More than any run sells. */
export const STOCK_PER_VARIANT = 1_000_000_000

/** The kinds of ids; each is the first four hexadecimal digits. */
export const KINDS = { tenant: 1, member: 2, customer: 3, product: 4, variant: 5, order: 6, line: 7 } as const
export type Kind = keyof typeof KINDS

/** The UUID of row `n` (from 1) of a tenant (from 1). */
export function rowId(kind: Kind, tenant: number, n: number): string {
  return `${hex(KINDS[kind], 4)}${hex(tenant, 4)}-0000-7000-8000-${hex(n, 12)}`
}

/** The same as an SQL expression over the two expressions. */
export function sqlRowId(kind: Kind, tenant: string, n: string): string {
  return `('${hex(KINDS[kind], 4)}' || lpad(to_hex(${tenant}), 4, '0') || '-0000-7000-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid`
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}

export function tenantSlug(tenant: number): string {
  return `bench-${tenant}`
}

/** The number in one of our slugs. */
export function tenantNumber(slug: string): number {
  return Number(slug.slice('bench-'.length))
}

export function ownerEmail(tenant: number): string {
  return `owner@bench-${tenant}.example`
}

const PREFIXES = { order: 'ord', customer: 'cust', variant: 'var' } as const

/** The id in a server's API: Bulkhead's are opaque, the peers use their UUIDs. */
export function publicId(opaque: boolean, kind: keyof typeof PREFIXES, uuid: string): string {
  return opaque ? encodeId(PREFIXES[kind], uuid) : uuid
}
