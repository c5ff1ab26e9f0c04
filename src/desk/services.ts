// What the desk's use cases need from outside the database.
import type { Integrity } from '../integrity/verify.ts'

declare module '../graphql/context.ts' {
  interface Services {
    /** The integrity checks of all modules. */
    readonly integrity: Integrity
  }
}
