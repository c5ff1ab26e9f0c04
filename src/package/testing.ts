// The entry `bulkhead/testing` of the package: the proof of the walls, for any test runner.
export { type Proof, type ProofOptions, proveWalls } from '../db/proof/prove-walls.ts'
export type { OwnValues, ProofTenant } from '../db/proof/tenants.ts'
