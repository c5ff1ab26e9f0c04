// Makes the handle of a tenant: Prisma's client, which adds the tenant to every filter, sets the scope for the pool,
// and lacks the operations that could bypass either. Of any generated client: it knows no schema.
import { Extensions, type Sql } from '@prisma/client/runtime/client'
import { AppError } from '../core/errors.ts'
import { violatedConstraint } from './faults.ts'
import { lockRowStatement, lockStatement, type RowUpdate, updateStatement } from './many-rows.ts'
import { type Datamodel, modelIn } from './models.ts'
import { type PlainTransaction, placeOf } from './prisma-internals.ts'
import { guardRawSql } from './raw-sql-guard.ts'
import type { AnyQuery } from './reader/any-query.ts'
import { type Compiled, compileCount, compileRead } from './reader/read-sql.ts'
import type { DelegateName, ModelReader } from './reader/types.ts'
import type { View } from './reader/view.ts'
import { enterScope, type Scope } from './scope.ts'
import { guardWhere } from './where-guard.ts'

/**
 * Prisma's client for one tenant: without transactions, unsafe SQL, and access to a wider client; with `readMany` and
 * `readCount` of each model.
 */
export type TenantClientOf<Client> = Omit<
  Client,
  | DelegateName<Client>
  | '$transaction'
  | '$extends'
  | '$connect'
  | '$disconnect'
  | '$on'
  | '$queryRawUnsafe'
  | '$executeRawUnsafe'
> & { readonly [Name in DelegateName<Client>]: Client[Name] & ModelReader<Client[Name]> }

/** What is used here of a generated client, whose own type depends on its schema. */
export type Extendable = {
  $extends(extension: {
    readonly name: string
    readonly model: { readonly $allModels: ThisType<object> & Readonly<Record<string, unknown>> }
    readonly query: { $allOperations(operation: Operation): Promise<unknown> }
  }): Handle
}

type Operation = {
  readonly model?: string
  readonly operation: string
  readonly args: unknown
  readonly query: (args: unknown) => Promise<unknown>
}

/** A client with the extension; `tx` is one too, in the transaction. */
export type Handle = {
  $transaction<T>(work: (tx: unknown) => Promise<T>, options: TransactionBounds): Promise<T>
}

type TransactionBounds = {
  readonly maxWait: number
  readonly timeout: number
  readonly isolationLevel?: 'RepeatableRead'
}

const SAVEPOINT = 'SAVEPOINT many_rows'

/** Operations without a `where`: the database sets the tenant of new rows. */
const UNFILTERED_OPERATIONS = new Set(['create', 'createMany', 'createManyAndReturn'])

/** The only operations without a model for features: their SQL is a template, its values parameters. */
const RAW_OPERATIONS: ReadonlySet<string> = new Set(['$queryRaw', '$executeRaw'])

/**
 * Makes the handle of `scope` from the unscoped client, which only src/db has. Costs some 70 µs. In its
 * transactions readMany and readCount read the rows of `view`; Prisma's own operations know no view, and are refused for the models that it restricts.
 */
export function extendForTenant(client: Extendable, datamodel: Datamodel, scope: Scope, view: View): Handle {
  async function read(context: object, compile: (model: string) => Compiled): Promise<unknown> {
    const { model, transaction } = placeOf(context)
    // Elsewhere reading-handle.ts reads, with the scope in the message.
    if (transaction === null) throw new Error("Prisma's handle reads in a transaction only")
    const { decode, ...statement } = compile(model)
    return decode(await enterScope(scope, () => readTextIn(transaction, statement)))
  }

  /** Runs a statement in its transaction; see ManyRows. */
  async function onMany(
    context: object,
    statementOf: (model: string) => Omit<Compiled, 'decode'>,
    constraints: ReadonlySet<string> | null = null,
  ): Promise<string | null> {
    const { model, transaction } = transactionOf(context)
    const { text, values } = statementOf(model)
    return await enterScope(scope, async () => {
      const isGuarded = constraints !== null && constraints.size > 0
      if (isGuarded) await transaction.$executeRawUnsafe(SAVEPOINT)
      try {
        await transaction.$executeRawUnsafe(text, ...values)
      } catch (error) {
        const violated = violatedConstraint(error)
        if (violated === null || constraints?.has(violated) !== true) throw error
        await transaction.$executeRawUnsafe(`ROLLBACK TO ${SAVEPOINT}`)
        return violated
      }
      if (isGuarded) await transaction.$executeRawUnsafe(`RELEASE ${SAVEPOINT}`)
      return null
    })
  }

  return client.$extends({
    name: 'tenant',
    model: {
      $allModels: {
        // Prisma merges findUnique calls of one tick into one query, across callers, also of other tenants.
        findUnique(args: UniqueArgs) {
          return delegateOf(this).findFirst(flattenUnique(args))
        },
        findUniqueOrThrow(args: UniqueArgs) {
          return delegateOf(this).findFirstOrThrow(flattenUnique(args))
        },
        readMany(query: AnyQuery = {}) {
          return read(this, (model) => compileRead(datamodel, model, query, scope.tenantId, view))
        },
        async lockRow(id: string) {
          const { model, transaction } = transactionOf(this)
          const { text, values } = lockRowStatement(modelIn(datamodel, model), scope.tenantId, id)
          const rows = await enterScope(scope, () => transaction.$queryRawUnsafe<object[]>(text, ...values))
          return rows[0] ?? null
        },
        async lockRows(ids: readonly string[]) {
          await onMany(this, (model) => lockStatement(modelIn(datamodel, model), scope.tenantId, ids))
        },
        async updateRows(rows: readonly RowUpdate[], constraints: ReadonlySet<string>) {
          return await onMany(
            this,
            (model) => updateStatement(modelIn(datamodel, model), scope.tenantId, rows),
            constraints,
          )
        },
        readCount(query: Pick<AnyQuery, 'where'> = {}) {
          return read(this, (model) => compileCount(datamodel, model, query, scope.tenantId, view))
        },
      },
    },
    query: {
      $allOperations({ model, operation, args, query }) {
        if (model === undefined) guardRaw(operation, args)
        else guardWhere(operation, args)
        if (model !== undefined && view.rows.has(model))
          throw new AppError(
            'INTERNAL',
            `${model} is read by readMany here, which knows what the caller sees`,
          )
        const filtered = model !== undefined && !UNFILTERED_OPERATIONS.has(operation)
        // Prisma starts a query when it is awaited, which must happen inside the scope too.
        return enterScope(scope, async () => await query(filtered ? withTenant(args, scope.tenantId) : args))
      },
    },
  })
}

function transactionOf(context: object): { readonly model: string; readonly transaction: PlainTransaction } {
  const { model, transaction } = placeOf(context)
  if (transaction === null) throw new Error('rows are locked, and many are written, in a transaction only')
  return { model, transaction }
}

/** On the transaction's connection, which requires the scope. */
async function readTextIn(
  transaction: PlainTransaction,
  { text, values }: Omit<Compiled, 'decode'>,
): Promise<string | null> {
  const [row] = await transaction.$queryRawUnsafe<Record<string, string | null>[]>(text, ...values)
  return Object.values(row ?? {})[0] ?? null
}

type UniqueArgs = { where: Record<string, unknown> }
type Delegate = {
  findFirst(args: unknown): Promise<unknown>
  findFirstOrThrow(args: unknown): Promise<unknown>
}

function delegateOf(self: unknown): Delegate {
  return Extensions.getExtensionContext(self as object) as unknown as Delegate
}

/** `{ tenantId_id: { tenantId, id } }` is Prisma's form of a composite key; findFirst takes its fields one by one. */
function flattenUnique(args: UniqueArgs): UniqueArgs {
  const where: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(args.where)) {
    if (key.startsWith('tenantId_')) Object.assign(where, value)
    else where[key] = value
  }
  return { ...args, where }
}

function withTenant<Args>(args: Args, tenantId: string): Args {
  const { where } = args as { where?: Record<string, unknown> }
  // The tenant is added by AND, so that a foreign tenantId in the filter finds nothing.
  return {
    ...args,
    where: where === undefined ? { tenantId } : { ...where, AND: [{ tenantId }, ...conjuncts(where)] },
  }
}

function conjuncts(where: Record<string, unknown>): unknown[] {
  const { AND } = where
  return AND === undefined ? [] : Array.isArray(AND) ? AND : [AND]
}

function guardRaw(operation: string, args: unknown): void {
  if (!RAW_OPERATIONS.has(operation)) throw new AppError('INTERNAL', `${operation} is not for features`)
  // The form of the template's SQL that PostgreSQL gets.
  guardRawSql((args as Sql).text)
}
