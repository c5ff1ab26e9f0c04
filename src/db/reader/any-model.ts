// Reading a model that is known by its name only, as the API does: it makes filters and selections of GraphQL documents,
// whose fields no compiler can check. The reader checks them when it runs.
import type { ModelName } from '../datamodel.ts'
import type { TenantClient } from '../tenant-client.ts'

/** Prisma's `where` of any model. */
export type AnyWhere = { readonly [field: string]: unknown }

/** Columns, relations with selections of their own, and `_count` of relations. */
export type AnySelect = { readonly [field: string]: boolean | AnyQuery | undefined }

export type AnyOrder = { readonly [field: string]: unknown }

/** Which rows, in which order, how many, and what of them: every column by default. */
export type AnyQuery = {
  readonly select?: AnySelect | null | undefined
  readonly where?: AnyWhere | undefined
  readonly orderBy?: AnyOrder | readonly AnyOrder[] | undefined
  readonly take?: number | undefined
}

/** `Row` is what the caller knows of its selection. */
export type AnyReader = {
  readMany<Row>(query: AnyQuery): Promise<Row[]>
  readCount(query: Pick<AnyQuery, 'where'>): Promise<number>
}

/** `db.customer` for `Customer`. What it reads throws a plain Error for a field that the model does not have. */
export function readerOf(db: TenantClient, model: ModelName): AnyReader {
  const name = `${model.charAt(0).toLowerCase()}${model.slice(1)}` as Uncapitalize<ModelName>
  // The readers of all models are one: only what the compiler knows of their fields differs.
  return db[name] as unknown as AnyReader
}
