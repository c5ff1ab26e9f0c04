// The two small tenants of the isolation tests: those of the proof, with what the desk needs of them.
import { PROOF_TENANTS, type ProofTenant } from '../../src/db/proof/tenants.ts'

export {
  EXTRA,
  type FixtureRow,
  fixtureId,
  insertRow,
  insertStatement,
  SEEDED,
  SPARE,
} from '../../src/db/proof/rows.ts'

export interface FixtureTenant extends ProofTenant {
  slug: string
  ownerEmail: string
}

const [A, B] = PROOF_TENANTS
export const TENANT_A: FixtureTenant = { ...A, slug: 'tenant-a', ownerEmail: 'member1@a.example' }
export const TENANT_B: FixtureTenant = { ...B, slug: 'tenant-b', ownerEmail: 'member1@b.example' }
