// The collation by which the caller's tenant sorts texts: its language's, where there is an index in that order.
import { collationOf, ROOT_COLLATION } from '../core/collation.ts'
import { valuesOf } from '../db/reader/texts.ts'
import { modelOf, registeredModels } from '../db/register.ts'
import type { Context } from './context.ts'
import type { Sort } from './keyset.ts'

/** The sort with its collation; one that is not alphabetical as it is. */
export async function inLanguage<S extends Sort>(sort: S, context: Context): Promise<S> {
  if (!sort.isAlphabetical) return sort
  return { ...sort, collation: await collationIn(sort, context) }
}

/** The collations without an index that this process has told of. */
const told = new Set<string>()

async function collationIn({ model, column }: Sort, { caller }: Context): Promise<string> {
  // In another project than this there may be no tenants with a language.
  if (registeredModels().get('Tenant')?.columns.has('locale') !== true) return ROOT_COLLATION
  const { table, columns } = modelOf(model)
  const values = [table, columns.get(column)?.name]
  const [locale, ...indexed] = valuesOf(
    (await caller.database.readText(caller.scope, { text: SQL, values })) ?? '{}',
  )
  const wanted = typeof locale === 'string' ? collationOf(locale) : ROOT_COLLATION
  // Without an index each page would sort all of the tenant's rows.
  if (indexed.includes(wanted)) return wanted
  if (!told.has(wanted)) {
    told.add(wanted)
    caller.logger.warn(
      { collation: wanted, table, column: values[1] },
      'lists are sorted by another language than their tenant’s until "bulkhead tenant sort-indexes" has run',
    )
  }
  return ROOT_COLLATION
}

const SQL = `SELECT (ARRAY[locale] || app.indexed_collations($1, $2))::text FROM tenants WHERE tenant_id = app.tenant_id()`
