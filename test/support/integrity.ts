// Owns: what tests prove of a tenant: the checks of all modules over its rows, and those beyond them that a test names.
import type { Integrity, OutsideCheck } from '../../src/integrity/verify.ts'
import { CHECKS } from '../../src/parts.ts'

export function rowChecks(...outside: OutsideCheck[]): Integrity {
  return { checks: CHECKS, outsideChecks: () => outside }
}
