// What another program than this one accepts: its global tables and its SECURITY DEFINER functions. Those of this program
// are in check.ts and code.ts.
import type { Finding } from './check.ts'

/** By the object, as the doctor names it (`public.plans`, `app.plan_of(text)`): the reason. */
export type Exceptions = Readonly<Record<string, string>>

/** Leaves a table with a tenant in: only tables without one, and functions, may be excepted. */
export function withoutExceptions(findings: readonly Finding[], exceptions: Exceptions): Finding[] {
  const global = new Set(
    findings.flatMap(({ code, object }) => (code === 'tenant-id-missing' ? [object] : [])),
  )
  return findings.filter(
    ({ code, object }) =>
      !Object.hasOwn(exceptions, object) || !(global.has(object) || code === 'definer-function-unlisted'),
  )
}
