// Which rows the benchmark's tenants have, by number: the ids are made of the numbers, so that nobody looks them up.
import { encodeId } from '../src/core/ids.ts'

/** How big a seeded database is. Every tenant has the same shape. */
export type Shape = {
  readonly tenants: number
  readonly ordersPerTenant: number
  /** The first tenant's orders where it is to be bigger than the others. */
  readonly ordersOfFirst?: number
}

export const SHAPE: Shape = { tenants: 100, ordersPerTenant: 1_000 }
export const CUSTOMERS_PER_TENANT = 100
export const VARIANTS_PER_TENANT = 50
export const LINES_PER_ORDER = 3
/** So much that no run sells it out. */
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

/** The number in a slug of ours. */
export function tenantNumber(slug: string): number {
  return Number(slug.slice('bench-'.length))
}

export function ownerEmail(tenant: number): string {
  return `owner@bench-${tenant}.example`
}

const PREFIXES = { order: 'ord', customer: 'cust', variant: 'var' } as const

/** The id as a server's clients see it: Bulkhead's are opaque, the peers show their UUIDs. */
export function publicId(opaque: boolean, kind: keyof typeof PREFIXES, uuid: string): string {
  return opaque ? encodeId(PREFIXES[kind], uuid) : uuid
}
