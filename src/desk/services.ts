// What the desk's use cases need from outside the database.
import type { Integrity } from '../integrity/verify.ts'

declare module '../graphql/context.ts' {
  interface Services {
    /** What is proved of a tenant, by all modules. */
    readonly integrity: Integrity
  }
}
