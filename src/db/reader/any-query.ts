// The arguments of the reader when the compiler does not know the model: they are checked at run time.

/** Prisma's `where` of any model; a filter of a text takes a `collate` too, the name of the collation to compare by. */
export type AnyWhere = { readonly [field: string]: unknown }

/** Columns, relations with their own selections, and `_count` of relations. */
export type AnySelect = { readonly [field: string]: boolean | AnyQuery | undefined }

/** Prisma's `orderBy`, with `collate` beside `sort`. */
export type AnyOrder = { readonly [field: string]: unknown }

/** `select`: all columns by default. `take`: the maximum number of rows. */
export type AnyQuery = {
  readonly select?: AnySelect | null | undefined
  readonly where?: AnyWhere | undefined
  readonly orderBy?: AnyOrder | readonly AnyOrder[] | undefined
  readonly take?: number | undefined
}
