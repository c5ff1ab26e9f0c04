// Which rows a caller of the API may see of a model, where they may not see all of its tenant's.
import type { AnyWhere } from './any-query.ts'

/** By the model's name: only rows that match are read, at any place of a statement. */
export type View = {
  /** Distinguishes this view from every other. */
  readonly key: string
  readonly rows: ReadonlyMap<string, AnyWhere>
}

/** Everything that the tenant has. */
export const WHOLE_VIEW: View = { key: '', rows: new Map() }
