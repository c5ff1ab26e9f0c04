// A mutation: compiled, so that its payload's record is read in the command's own message.
import { type GraphQLField, type GraphQLObjectType, getNamedType, isObjectType } from 'graphql'
import { type PayloadRead, withPayload } from '../auth/command-context.ts'
import type { Executed } from '../commands/executed.ts'
import { rowsOf } from '../db/reader/texts.ts'
import { namedStatement } from '../db/statement-name.ts'
import type { Context } from '../graphql/context.ts'
import type { PagePlan } from '../graphql/keyset.ts'
import { mayBeShown } from '../graphql/mutation.ts'
import { idColumn } from '../graphql/node.ts'
import { viewOf } from '../graphql/visibility.ts'
import { type AskedField, argumentsOf, fieldsOf, setsOf, type Variables } from './document.ts'
import { type FieldError, recordStatements, type Value } from './read-field.ts'
import { type Compiling, modelNameOf, type WriteRow } from './rows.ts'
import { type Prepared, readRows, type Statements } from './statement.ts'
import { leave, Uncompiled, Unwritable, written } from './uncompiled.ts'
import { headOf, jsonOf, priceOf, valueWriter, type WriteValue } from './values.ts'
import { LEAF_UNITS, OBJECT_UNITS } from './weight.ts'

/** A mutation that ran, and what its payload is written from. */
export type Ran = { readonly result: unknown; readonly write: () => Promise<Value> }

/** Runs a mutation once. Rejects with its error; `write` rejects with Unwritable. */
export type RunMutation = (variables: Variables, context: Context) => Promise<Ran>

/** Throws Uncompiled. */
export function compileMutationField(
  compiling: Compiling,
  field: GraphQLField<unknown, unknown>,
  asked: AskedField,
): RunMutation {
  const { recordField } = field.extensions as { readonly recordField?: string }
  const type = getNamedType(field.type)
  if (recordField === undefined || !isObjectType(type)) return leave(`${field.name} does not show one record`)
  const fields = fieldsOf(compiling.asked, type, setsOf(asked.nodes))
  const records = fields.filter(({ name }) => name === recordField)
  if (records.length > 1) return leave(`${field.name} shows its record twice`)
  const [shown] = records
  const record = shown === undefined ? null : new RecordField(compiling, type, shown)
  const parts = fields.map(
    (part, index) => [headOf(part, index), part === shown ? null : partOf(compiling, type, part)] as const,
  )
  const units = OBJECT_UNITS + priceOf(compiling.prices, fields)
  const args = argumentsOf(field, asked.nodes[0] as never)
  return async (variables, context) => {
    const reading = record?.inMessage(variables, context) ?? null
    const caller = reading === null ? context.caller : withPayload(context.caller, reading)
    const result = (await field.resolve?.(
      undefined,
      args.of(variables),
      Object.create(context, { caller: { value: caller, enumerable: true } }),
      null as never,
    )) as Executed
    return {
      result,
      write: async () => {
        const read = record === null ? null : await record.value(result, variables, context)
        const writing = { units, context }
        let json = '{'
        for (const [head, write] of parts)
          json += head + (write === null ? read?.json : write(result, writing))
        return { json: `${json}}`, units: writing.units + (read?.units ?? 0), errors: read?.errors ?? [] }
      },
    }
  }
}

function partOf(compiling: Compiling, type: GraphQLObjectType, asked: AskedField): WriteValue {
  if (asked.name === '__typename')
    return (_value, writing) => {
      writing.units += LEAF_UNITS
      return jsonOf(type.name)
    }
  const field = type.getFields()[asked.name]
  if (field?.resolve === undefined || field.args.length > 0)
    return leave(`${type.name}.${asked.name} is resolved otherwise`)
  const { resolve } = field
  const write = valueWriter(compiling, field.type, asked)
  return (value, writing) => write(resolve(value, {}, writing.context, null as never), writing)
}

/** The payload's record. */
class RecordField {
  readonly #asked: AskedField
  readonly #type: GraphQLObjectType
  readonly #statements: Statements<WriteRow>
  readonly #model: NonNullable<ReturnType<typeof modelNameOf>>

  constructor(compiling: Compiling, payload: GraphQLObjectType, asked: AskedField) {
    const field = payload.getFields()[asked.name]
    const type = field === undefined ? undefined : getNamedType(field.type)
    const model = isObjectType(type) ? modelNameOf(type) : null
    if (!isObjectType(type) || model === null)
      throw new Uncompiled(`${payload.name}.${asked.name} is no record`)
    this.#asked = asked
    this.#type = type
    this.#model = model
    this.#statements = recordStatements(compiling, type, asked)
  }

  /**
   * The statement that reads the record in the command's message; null: it is read by one of its own, since only the outcome says
   * whether the caller sees it.
   */
  inMessage(variables: Variables, context: Context): PayloadRead | null {
    const { caller } = context
    const { tenantId } = caller.scope
    if (!mayBeShown({ isOwn: false }, context, this.#type)) return null
    if (viewOf(caller.permissions).rows.has(this.#model)) return null
    const known = this.#prepare(variables, context)
    if (known === null) return null
    const { selected } = known.prepared
    return {
      statement: (id) => namedStatement(selected.statement(tenantId, { where: this.#where(id) })),
    }
  }

  #where(id: string) {
    return { [idColumn(this.#model)]: id }
  }

  /** Null: a page of it is refused, which is an error of the payload, after the command. */
  #prepare(
    variables: Variables,
    context: Context,
  ): { readonly pages: readonly PagePlan[]; readonly prepared: Prepared<WriteRow> } | null {
    try {
      const pages = this.#statements.pagesFor(variables, context)
      return { pages, prepared: this.#statements.prepare(context, pages, null) }
    } catch {
      return null
    }
  }

  /** Rejects with Unwritable; any other error is one of the record alone. */
  async value({ id, isOwn, shown }: Executed, variables: Variables, context: Context): Promise<Value> {
    if (id === null || !mayBeShown({ isOwn }, context, this.#type)) return NO_RECORD
    try {
      const pages = this.#statements.pagesFor(variables, context)
      const prepared = this.#statements.prepare(context, pages, null)
      const text =
        shown ?? (await readRows(context, prepared, { where: this.#where(id), includesHidden: isOwn }))
      const [row] = rowsOf(text ?? '')
      if (row === undefined) return NO_RECORD
      const writing = { units: 0, context, pages }
      const json = written(() => prepared.write(row, writing))
      return { json, units: writing.units, errors: [] }
    } catch (error) {
      if (error instanceof Unwritable) throw error
      const failed: FieldError = { error, asked: this.#asked, path: [this.#asked.key] }
      return { ...NO_RECORD, errors: [failed] }
    }
  }
}

const NO_RECORD: Value = { json: 'null', units: LEAF_UNITS, errors: [] }
