// An action on a resource: a mutation of one record beyond an edit, such as cancelling it.
import type { Permission } from '../../auth/permissions.ts'
import { type Refused, refused } from '../../commands/outcome.ts'
import { camelOf, nounOf, pascalOf } from '../../core/names.ts'
import type { ModelName, RowOf, Transaction } from '../../db/register.ts'
import { type Action, type ActionWork, actionCommand, actionManyCommand, type Row } from './commands.ts'
import { columnField, type FieldOptions, type InputBuilder, optionalRule } from './fields.ts'
import { addManyResourceMutation, addResourceMutation, type Resource, versioned } from './resource.ts'

export type ActionOptions<Name extends ModelName, Changes> = {
  readonly description?: string
  /** Default: the resource's write permission. */
  readonly permission?: Permission
  /** The values of `status` in which it is allowed; others are refused with WRONG_STATUS. Default: all. */
  readonly from?: readonly string[]
  /** Its input besides the record: columns of the model, as in a resource's `fields`. */
  readonly input?: { readonly [Column in keyof RowOf<Name> & string]?: FieldOptions }
  /** The error codes of `run`, besides those of an edit. */
  readonly errors?: readonly string[]
  /** Returns the columns to change, or a refusal; it may write other records by the transaction. */
  readonly run: (tx: Transaction, row: RowOf<Name>, input: Partial<RowOf<Name>>) => Changes | Promise<Changes>
  /** The type of its event: `booking.cancelled`. Default: no event. */
  readonly event?: string
  /** The name of a mutation that does it on many records: `bookingsCancel`. Default: none. */
  readonly many?: string
}

/**
 * Adds the mutation `bookingCancel` for `action(Booking, 'cancel', …)`. Like an edit it takes the version that the user
 * saw.
 */
export function action<Name extends ModelName, const Changes extends Partial<RowOf<Name>> | Refused>(
  subject: Resource<Name>,
  verb: string,
  { description, permission, from, input = {}, errors = [], run, event, many }: ActionOptions<Name, Changes>,
): void {
  const { name, model, writes } = subject
  const inputs = Object.entries(input as Readonly<Record<string, FieldOptions>>).flatMap(
    ([field, options]) => {
      const column = model.columns.get(field)
      if (column === undefined) throw new Error(`${name} has no column ${field}`)
      return columnField(field, column, options).input ?? []
    },
  )
  const work: Action = {
    verb,
    permission: permission ?? writes,
    errors: from === undefined ? errors : ['WRONG_STATUS', ...errors],
    rules: Object.fromEntries(
      inputs.map((input) => [input.name, input.required ? input.rule : optionalRule(input)]),
    ),
    refuses: (row) =>
      from === undefined || from.includes(String(row.status)) ? null : wrongStatus(name, row, from),
    // The row is of the resource's model, which the pipeline does not know.
    work: run as unknown as ActionWork,
    event: event ?? null,
  }
  const fields = (t: InputBuilder) => ({
    ...versioned(t),
    ...Object.fromEntries(
      inputs.map((field) => [field.name, field.field(t, { required: field.required, isNew: false })]),
    ),
  })
  const said = description ?? `Does ${verb} on one ${nounOf(name)}.`
  addResourceMutation(subject, actionCommand(subject, work), { description: said, fields })
  if (many !== undefined)
    addManyResourceMutation(subject, actionManyCommand(subject, many, work), {
      description: `As ${camelOf(name)}${pascalOf(verb)}, for many at once.`,
      fields,
    })
}

function wrongStatus(name: ModelName, { status }: Row, from: readonly string[]): Refused<'WRONG_STATUS'> {
  const message = `the ${nounOf(name)} is ${String(status)}, not ${from.join(' or ')}`
  return refused([{ field: ['id'], message, code: 'WRONG_STATUS' }])
}
