// The two tenants of a proof, and what is given of their rows.

export interface ProofTenant {
  key: 'a' | 'b'
  id: string
}

export const PROOF_TENANTS: readonly [ProofTenant, ProofTenant] = [
  { key: 'a', id: 'aaaaaaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa' },
  { key: 'b', id: 'bbbbbbbb-bbbb-7bbb-8bbb-bbbbbbbbbbbb' },
]

/** By table and column: values that cannot be generated from the type and the checks, or that differ by tenant. */
export type OwnValues = Readonly<
  Record<string, Readonly<Record<string, (tenant: ProofTenant, n: number) => string>>>
>
