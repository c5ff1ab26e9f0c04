// The integrity checks of tests: those of all modules over a tenant's rows, and outside checks that a test names.
import type { Integrity, OutsideCheck } from '../../src/integrity/verify.ts'
import { CHECKS } from '../../src/wiring.ts'

export function rowChecks(...outside: OutsideCheck[]): Integrity {
  return { checks: CHECKS, outsideChecks: () => outside }
}
