// Makes a mutation from a command: one input, and a payload with the record and the user errors.
import type { GenericInputFieldRef, InputFieldMap, InputShapeFromFields, ObjectRef } from '@pothos/core'
import { type GraphQLNamedType, getNamedType } from 'graphql'
import type { z } from 'zod'
import type { CommandContext } from '../auth/command-context.ts'
import { ACCEPT_INVITATION, type Permission } from '../auth/permissions.ts'
import type { Command, Keyed } from '../commands/command.ts'
import type { Executed } from '../commands/executed.ts'
import { pascalOf } from '../core/names.ts'
import { builder, type SchemaTypes } from './builder.ts'
import type { Context, MutationOutcome, Services } from './context.ts'
import { idColumn } from './node.ts'
import { type NodeName, nodeId } from './node-ids.ts'
import { readFirst } from './read.ts'
import { describeUserErrors, UserErrorType } from './user-errors.ts'

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>
type Payload = Omit<Executed<Command, unknown>, 'replayed' | 'rows'>

type Shown<Row extends object> = {
  readonly field: string
  readonly type: ObjectRef<Types, Row>
  readonly model: NodeName
  /** Whether the command deletes the record: then the payload has its id. */
  readonly deletes?: boolean
}

/** The value that the work gave to `done`, as a payload field that only the first answer contains: a secret. */
type ShownOnce<Value> = {
  readonly field: string
  readonly description: string
  readonly of: (value: Value) => string
}

/** Exactly the fields of the command's input. */
type FieldsOf<Input, Fields> = { readonly [Name in keyof Input]-?: GenericInputFieldRef } & {
  readonly [Name in keyof Fields]: Name extends keyof Input ? GenericInputFieldRef : never
}

/** The number of user errors that the cost assumes. */
export const USER_ERRORS_EXPECTED = 1

/**
 * Adds a command as a mutation, with the command's name, permission and error codes. `run` must be the use case that
 * runs this command; `result` names the payload's field and its type, which is read again under the caller's scope with
 * the requested fields.
 */
export function addMutation<
  Name extends string,
  Code extends string,
  Schema extends z.ZodType,
  Fields extends InputFieldMap & FieldsOf<z.input<Schema>, Fields>,
  Row extends object,
  Value = null,
>(
  command: Command<Name, Code, Schema>,
  options: {
    readonly description: string
    /** Whether an idempotency key is required: for mutations of money or stock, which must not happen twice. */
    readonly needsKey?: boolean
    /** The input's fields, with the command's names; the idempotency key is added. */
    readonly fields: (t: PothosSchemaTypes.InputFieldBuilder<Types, 'InputObject'>) => Fields
    readonly result: Shown<Row>
    /**
     * Written as `(caller, input) => …`: from a bare function name the compiler would infer the fields, instead of from
     * `fields`.
     */
    readonly run: (
      caller: CommandContext,
      input: Keyed<InputShapeFromFields<Fields>>,
      services: Services,
    ) => Promise<Executed<Command<NoInfer<Name>, NoInfer<Code>, NoInfer<Schema>>, Value>>
    /** After `run`, from which its type is inferred. */
    readonly shownOnce?: ShownOnce<NoInfer<Value>>
  },
): void {
  const { name } = command
  const pascal = pascalOf(name)
  const input = builder.inputType(`${pascal}Input`, {
    fields: (t) => ({
      idempotencyKey: t.string({ required: options.needsKey ?? false }),
      ...options.fields(t),
    }),
  })
  const payload = addPayload(pascal, command.errors, options)
  const permission = askedBeforehand(command)
  builder.mutationField(name, (t) =>
    t.field({
      type: payload,
      description: permission === null ? options.description : `${options.description} Needs ${permission}.`,
      // The command: for tests that are made of the inputs of all mutations.
      extensions: {
        command,
        recordField: options.result.field,
        ...(permission === null ? { noPermission: BY_USE_CASE } : { permission }),
      },
      args: { input: t.arg({ type: input, required: true }) },
      resolve: async (_root, args, context, info) => {
        const known = context.outcomes?.get(String(info.path.key))
        if (known !== undefined) return resultOf(known) as Awaited<ReturnType<typeof options.run>>
        // Pothos infers the same shape from the fields, which the compiler cannot see through the generic.
        const { input } = args as unknown as { input: Keyed<InputShapeFromFields<Fields>> }
        const executed = await options.run(context.caller, input, context.services)
        if (input.idempotencyKey != null) noteIdempotency(context, executed)
        return executed
      },
    }),
  )
}

function resultOf(outcome: MutationOutcome): unknown {
  if ('error' in outcome) throw outcome.error
  return outcome.result
}

const BY_USE_CASE = 'the use case checks the invitation'

/**
 * The permission that is checked on the document before it runs; the command checks it again. Not that of invited
 * people: a caller who is a member by now gets the use case's answer that the invitation is not valid.
 */
function askedBeforehand({ permission }: Command): Permission | null {
  return permission === ACCEPT_INVITATION ? null : permission
}

/** How soon a call whose key is in use is worth sending again: most take less. */
const IN_USE_RETRY_AFTER_SECONDS = 1

/**
 * One value for the whole request: of several mutations, `executed` when any was. A call that was not tried has no effect.
 * While a key is in use, the answer says when to send the call again, which becomes its Retry-After.
 */
export function noteIdempotency(
  { extensions }: Context,
  { replayed, userErrors }: Pick<Executed, 'replayed' | 'userErrors'>,
): void {
  if (userErrors.some(({ code }) => code === 'IDEMPOTENCY_KEY_IN_USE'))
    extensions.retryAfterSeconds = IN_USE_RETRY_AFTER_SECONDS
  if (replayed === null) return
  if (extensions.idempotency !== 'executed') extensions.idempotency = replayed ? 'replayed' : 'executed'
}

function addPayload<Row extends object, Value>(
  pascal: string,
  errors: readonly string[],
  { result, shownOnce }: { readonly result: Shown<Row>; readonly shownOnce?: ShownOnce<Value> },
): ObjectRef<Types, Payload> {
  const description = describeUserErrors(errors)
  return builder.objectRef<Payload>(`${pascal}Payload`).implement({
    fields: (t) => ({
      [result.field]: t.field({
        type: result.type,
        nullable: true,
        description:
          'The current record; null when there is none. A caller without the permission to read it gets the one that ' +
          'this call made or changed, if nobody else has changed it since.',
        // The type's permission is checked after the call: before it the record's owner is unknown.
        extensions: { showsOwnRecord: true },
        resolve: (made, _args, context, info) =>
          // The row is read with the columns of its own type; Pothos cannot resolve that type through Row.
          (made.id === null || !mayBeShown(made, context, getNamedType(info.returnType))
            ? null
            : readFirst<Row>(
                context,
                info,
                result.model,
                { [idColumn(result.model)]: made.id },
                { includesHidden: made.isOwn },
              )) as never,
      }),
      ...(result.deletes === true && {
        deletedId: t.id({
          nullable: true,
          description: 'The id of the deleted record; null when nothing was deleted.',
          resolve: ({ id, userErrors }) =>
            id === null || userErrors.length > 0 ? null : nodeId(result.model, id),
        }),
      }),
      ...(shownOnce && {
        [shownOnce.field]: t.string({
          nullable: true,
          description: shownOnce.description,
          // The payload is the result of `run`.
          resolve: ({ value }) => (value === null ? null : shownOnce.of(value as Value)),
        }),
      }),
      userErrors: t.field({
        type: [UserErrorType],
        description,
        extensions: { listSize: USER_ERRORS_EXPECTED },
        resolve: (made) => made.userErrors,
      }),
    }),
  })
}

/**
 * Permission to write does not imply reading: a record that this call did not make or change needs the permission to
 * read its type.
 */
export function mayBeShown(
  { isOwn }: Pick<Payload, 'isOwn'>,
  { caller }: Context,
  { extensions }: GraphQLNamedType,
): boolean {
  if (isOwn) return true
  const { permission, nodePermission = permission } = extensions as {
    permission?: Permission
    nodePermission?: Permission
  }
  return nodePermission === undefined || caller.permissions.has(nodePermission)
}
