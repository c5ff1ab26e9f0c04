// Edits a product, or takes it out of the shop, if nobody else changed it meanwhile.
import { z } from 'zod'
import type { Caller } from '../commands/caller.ts'
import {
  changesTo,
  conflict,
  type EditErrorCode,
  edited,
  notFound,
  refusedAsTaken,
} from '../commands/edit.ts'
import type { Done, Refused } from '../commands/outcome.ts'
import { type Executed, type Keyed, runCommand } from '../commands/run-command.ts'
import type { Transaction } from '../db/database.ts'
import { handle, productTexts, title } from './product.ts'

const versioned = { id: z.string(), expectedVersion: z.number() }

const schema = z.object({
  ...versioned,
  title: title.nullish(),
  handle: handle.nullish(),
  status: z.enum(['DRAFT', 'ACTIVE', 'ARCHIVED']).nullish(),
  ...productTexts,
})

const archiveSchema = z.object(versioned)

type ProductErrorCode = EditErrorCode | 'HANDLE_TAKEN'

/** Edits what was given. User errors: INVALID, NOT_FOUND, CONFLICT, HANDLE_TAKEN. */
export async function updateProduct(
  caller: Caller,
  { idempotencyKey, ...input }: Keyed<z.input<typeof schema>>,
): Promise<Executed<ProductErrorCode>> {
  const command = {
    name: 'productUpdate',
    permission: 'catalogue:write',
    input,
    schema,
    idempotencyKey,
  } as const
  return await runCommand(caller, command, (tx, value) => change(tx, caller, value))
}

/** Takes a product out of the shop; its orders keep their lines. User errors: NOT_FOUND, CONFLICT. */
export async function archiveProduct(
  caller: Caller,
  { idempotencyKey, ...input }: Keyed<z.input<typeof archiveSchema>>,
): Promise<Executed<ProductErrorCode>> {
  const command = {
    name: 'productArchive',
    permission: 'catalogue:write',
    input,
    schema: archiveSchema,
    idempotencyKey,
  } as const
  return await runCommand(caller, command, (tx, value) =>
    change(tx, caller, { ...value, status: 'ARCHIVED' }),
  )
}

async function change(
  tx: Transaction,
  caller: Caller,
  { id, expectedVersion, ...given }: z.output<typeof schema>,
): Promise<Done | Refused<ProductErrorCode>> {
  const current = await tx.product.findFirst({ where: { id } })
  if (current === null) return notFound('id', 'product')
  // None of a product's fields can be emptied of its value: null is the same as leaving it out.
  const wanted = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null)) as Partial<
    typeof current
  >
  if (current.version !== expectedVersion) return conflict(current, expectedVersion, wanted)
  const changes = changesTo(current, wanted)
  try {
    const data = { ...changes, version: expectedVersion + 1, updatedAt: caller.clock() }
    const { count } = await tx.product.updateMany({ where: { id, version: expectedVersion }, data })
    if (count === 0)
      return conflict(await tx.product.findFirstOrThrow({ where: { id } }), expectedVersion, wanted)
  } catch (error) {
    return refusedAsTaken(error, 'handle', 'HANDLE_TAKEN', 'another product has this handle')
  }
  const subject = { type: 'Product', id }
  const type = changes.status === 'ARCHIVED' ? 'product.archived' : 'product.updated'
  return edited('Product', current, changes, [{ type, subject, payload: { version: expectedVersion + 1 } }])
}
