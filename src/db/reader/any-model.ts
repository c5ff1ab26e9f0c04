// The reader of a model that is known by name only: the API composes filters and selections from GraphQL documents, so the
// compiler cannot check their fields. The reader checks them at run time.
import { camelOf } from '../../core/names.ts'
import type { ModelName, TenantClient } from '../register.ts'
import type { AnyQuery } from './any-query.ts'

/** `Row`: the type of the selected fields, which is not checked. */
export type AnyReader = {
  /** `includesHidden`: also rows of this model that the handle's view does not have; their relations are within it. */
  readMany<Row>(query: AnyQuery & { readonly includesHidden?: boolean }): Promise<Row[]>
  readCount(query: Pick<AnyQuery, 'where'>): Promise<number>
}

/** `db.customer` for `Customer`. Its methods reject with a plain Error for an unknown field. */
export function readerOf(db: TenantClient, model: ModelName): AnyReader {
  const name = camelOf(model)
  // The methods are the same for all models; only their types differ.
  return (db as unknown as Readonly<Record<string, AnyReader>>)[name] as AnyReader
}
