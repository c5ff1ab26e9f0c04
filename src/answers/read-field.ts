// A root field that reads: compiled, and answered by one statement.
import { type GraphQLField, type GraphQLObjectType, getNamedType, isObjectType } from 'graphql'
import type { AnyWhere } from '../db/reader/any-query.ts'
import { compileCount } from '../db/reader/read-sql.ts'
import { rowsOf } from '../db/reader/texts.ts'
import { registeredModels } from '../db/register.ts'
import { inLanguage } from '../graphql/collation.ts'
import type { Context } from '../graphql/context.ts'
import { planPage } from '../graphql/keyset.ts'
import type { ReadExtensions, Reading } from '../graphql/read.ts'
import { isConnection } from '../graphql/schema-rules.ts'
import { viewOf } from '../graphql/visibility.ts'
import { type AskedField, argumentsOf, type Variables } from './document.ts'
import { type Compiling, modelNameOf, pageOf, recordOf, type WritePage, type WriteRow } from './rows.ts'
import { readRows, Statements } from './statement.ts'
import { leave, written } from './uncompiled.ts'
import { Wanted } from './wanted.ts'
import { LEAF_UNITS } from './weight.ts'

/** The value of a field of the answer's root. */
export type Value = {
  readonly json: string
  readonly units: number
  /** Errors in it, besides those that made it null. */
  readonly errors: readonly FieldError[]
}

/** `path`: below the root field. */
export type FieldError = {
  readonly error: unknown
  readonly asked: AskedField
  readonly path: readonly string[]
}

/** Answers a field for one request. Rejects with what the field's error is, or with Unwritable. */
export type AnswerField = (variables: Variables, context: Context) => Promise<Value>

const NOTHING: Value = { json: 'null', units: LEAF_UNITS, errors: [] }

/** Throws Uncompiled. */
export function compileReadField(
  compiling: Compiling,
  field: GraphQLField<unknown, unknown>,
  asked: AskedField,
): AnswerField {
  const { reads } = field.extensions as ReadExtensions
  if (reads === undefined) return leave(`${field.name} is not read by one statement`)
  const type = getNamedType(field.type)
  if (!isObjectType(type)) return leave(`${field.name} has records of several types`)
  const args = argumentsOf(field, asked.nodes[0] as never)
  const describe = reads as (args: object, context: Context, schema: unknown) => Reading | null
  const read = isConnection(type) ? pageReader(compiling, type, asked) : oneReader(compiling, type, asked)
  return async (variables, context) => {
    const reading = describe(args.of(variables), context, compiling.asked.schema)
    return reading === null ? NOTHING : await read(reading, variables, context)
  }
}

type Read = (reading: Reading, variables: Variables, context: Context) => Promise<Value>

function oneReader(compiling: Compiling, type: GraphQLObjectType, asked: AskedField): Read {
  const statements = recordStatements(compiling, type, asked)
  return async (reading, variables, context) => {
    if (reading.kind !== 'one') throw new Error(`${asked.name} reads a page, and its type is a record`)
    const pages = statements.pagesFor(variables, context)
    const prepared = statements.prepare(context, pages, null)
    const text = await readRows(context, prepared, { where: reading.where })
    const [row] = rowsOf(text ?? '')
    if (row === undefined) return NOTHING
    const writing = { units: 0, context, pages }
    const json = written(() => prepared.write(row, writing))
    return { json, units: writing.units, errors: [] }
  }
}

/** The statements of one record of a type. */
export function recordStatements(
  compiling: Compiling,
  type: GraphQLObjectType,
  { nodes }: AskedField,
): Statements<WriteRow> {
  const lists: ConstructorParameters<typeof Wanted>[0] = []
  const wanted = new Wanted(lists)
  const bind = recordOf(compiling, type, nodes, wanted)
  const model = modelNameOf(type) ?? leave(`${type.name} has no model`)
  return new Statements(model, wanted, lists, ({ layout }, pages) => bind(layout, pages))
}

function pageReader(compiling: Compiling, type: GraphQLObjectType, asked: AskedField): Read {
  const node = getNamedType(type.getFields().nodes?.type ?? type)
  const model = (isObjectType(node) ? modelNameOf(node) : null) ?? leave(`${type.name} is no list of a model`)
  const lists: ConstructorParameters<typeof Wanted>[0] = []
  const wanted = new Wanted(lists)
  const { bind, totals } = pageOf(compiling, type, asked.nodes, wanted)
  const statements = new Statements<WritePage>(model, wanted, lists, ({ layout }, pages, own) => {
    if (own === null) throw new Error('a list has a page')
    return bind(layout, pages, own)
  })
  return async (reading, variables, context) => {
    if (reading.kind !== 'page' || reading.sort.model !== model)
      throw new Error(`${asked.name} reads something else than its type says`)
    const { tenantId } = context.caller.scope
    const sort = reading.sort.isAlphabetical ? await inLanguage(reading.sort, context) : reading.sort
    const plan = planPage(reading.args, sort, { tenantId, type: type.name })
    const pages = statements.pagesFor(variables, context)
    const prepared = statements.prepare(context, pages, plan)
    const { orderBy, take } = plan
    const read = readRows(context, prepared, { where: { AND: [reading.where, plan.where] }, orderBy, take })
    const counted = totals.length === 0 ? null : await both(read, count(context, model, reading.where))
    const rows = rowsOf((await read) ?? '')
    const total = counted !== null && 'total' in counted ? counted.total : null
    const writing = { units: 0, context, pages }
    const json = written(() => prepared.write(rows, writing, plan, total))
    const errors =
      counted !== null && 'error' in counted
        ? totals.map((field) => ({ error: counted.error, asked: field, path: [field.key] }))
        : []
    return { json, units: writing.units, errors }
  }
}

type Counted = { readonly total: string } | { readonly error: unknown }

/** Waits for the rows too: when they cannot be read, that is the field's error. */
async function both(read: Promise<unknown>, counted: Promise<Counted>): Promise<Counted> {
  await read
  return await counted
}

/** A count that fails leaves the rest of the page. */
async function count({ caller }: Context, model: string, where: AnyWhere): Promise<Counted> {
  const { scope, database, permissions } = caller
  try {
    const { text, values } = compileCount(
      registeredModels(),
      model,
      { where },
      scope.tenantId,
      viewOf(permissions),
    )
    return { total: (await database.readText(scope, { text, values })) ?? 'null' }
  } catch (error) {
    return { error }
  }
}
