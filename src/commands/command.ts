// What a command is, said once: its use case runs it, and the mutation of the same name is made from it.
import { z } from 'zod'
import type { Permission } from '../auth/permissions.ts'

export type Command<
  Name extends string = string,
  Code extends string = string,
  Schema extends z.ZodType = z.ZodType,
> = {
  /** The mutation's name: the audit's action, and the name space of its idempotency keys. */
  readonly name: Name
  readonly permission: Permission
  /** What it may be refused with, beside COMMON_ERRORS. */
  readonly errors: readonly Code[]
  /** What the input must be like, its idempotency key aside. A function where that depends on the time. */
  readonly schema: Schema | ((now: Date) => Schema)
}

/** A command as it stands, with its own words for types. */
export function defineCommand<
  const Name extends string,
  Schema extends z.ZodType,
  const Code extends string = never,
>(command: Command<Name, Code, Schema>): Command<Name, Code, Schema> {
  return command
}

/** For a command that takes nothing but its key. */
export const NO_INPUT: z.ZodType<object, object> = z.object({})

/** A command that nobody calls: a step of a use case, or a job's. Only what it leaves in the audit has a name. */
export type InternalCommand = Pick<Command, 'name' | 'permission'>

export const COMMON_ERRORS = ['INVALID', 'IDEMPOTENCY_KEY_REUSED', 'IDEMPOTENCY_KEY_IN_USE'] as const
export type CommonErrorCode = (typeof COMMON_ERRORS)[number]

/** An input beside its idempotency key. */
export type Keyed<Input> = Input & { readonly idempotencyKey?: string | null | undefined }

type SchemaOf<Of extends Command> = Of extends Command<string, string, infer Schema> ? Schema : never

/** What its use case is called with. */
export type InputOf<Of extends Command> = Keyed<z.input<SchemaOf<Of>>>
/** The input when it was checked. */
export type CheckedInputOf<Of extends Command> = z.output<SchemaOf<Of>>
export type ErrorCodeOf<Of extends Command> = Of['errors'][number]
