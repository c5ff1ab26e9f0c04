// The definition of a command: its use case runs it, and the mutation of the same name is made from it.
import { z } from 'zod'
import type { Permission } from '../auth/permissions.ts'

export type Command<
  Name extends string = string,
  Code extends string = string,
  Schema extends z.ZodType = z.ZodType,
> = {
  /** The mutation's name: also the audit's action, and the namespace of its idempotency keys. */
  readonly name: Name
  readonly permission: Permission
  /** Its error codes, besides COMMON_ERRORS; each needs a description by defineErrorCodes. */
  readonly errors: readonly Code[]
  /** The schema of its input without the idempotency key; a function where it depends on the time. */
  readonly schema: Schema | ((now: Date) => Schema)
  /** Its rows are validated one by one by its work, also for characters that cannot be stored. Default: false. */
  readonly validatesRows?: boolean
}

/** Returns the command with literal types. */
export function defineCommand<
  const Name extends string,
  Schema extends z.ZodType,
  const Code extends string = never,
>(command: Command<Name, Code, Schema>): Command<Name, Code, Schema> {
  return command
}

/** For a command without input besides its key. */
export const NO_INPUT: z.ZodType<object, object> = z.object({})

/** A command without a mutation: a step of a use case, or of a job. Its name appears only in the audit. */
export type InternalCommand = Pick<Command, 'name' | 'permission'>

/** An input with its idempotency key. */
export type Keyed<Input> = Input & { readonly idempotencyKey?: string | null | undefined }

type SchemaOf<Of extends Command> = Of extends Command<string, string, infer Schema> ? Schema : never

/** The input that its use case takes. */
export type InputOf<Of extends Command> = Keyed<z.input<SchemaOf<Of>>>
/** The input after validation. */
export type CheckedInputOf<Of extends Command> = z.output<SchemaOf<Of>>
export type ErrorCodeOf<Of extends Command> = Of['errors'][number]
