// The reader of a model that is known by name only: the API composes filters and selections from GraphQL documents, so the
// compiler cannot check their fields. The reader checks them at run time.
import { camelOf } from '../../core/names.ts'
import type { RowUpdate } from '../many-rows.ts'
import type { ModelName, TenantClient, Transaction } from '../register.ts'
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

/** Statements on rows by their ids, in a transaction. */
export type ManyRows = {
  /** Locks a row until the transaction ends and returns it, by one statement; null when this tenant has no such row. */
  lockRow<Row>(id: string): Promise<Row | null>
  /** Locks the rows until the transaction ends, in the order of their ids. */
  lockRows(ids: readonly string[]): Promise<void>
  /**
   * Updates the rows, which have the same columns. When one of `constraints` is violated, nothing is written, the transaction
   * goes on, and the constraint's name is returned; null when all were written.
   */
  updateRows(rows: readonly RowUpdate[], constraints: ReadonlySet<string>): Promise<string | null>
  findMany<Row>(query: {
    where: { readonly [column: string]: { readonly in: readonly unknown[] } }
  }): Promise<Row[]>
}

export function manyRowsOf(tx: Transaction, model: ModelName): ManyRows {
  return (tx as unknown as Readonly<Record<string, ManyRows>>)[camelOf(model)] as ManyRows
}
