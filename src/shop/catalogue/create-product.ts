// Adds a product to the catalogue.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { defineCommand, type InputOf } from '../../commands/command.ts'
import { auditOf, refusedAsTaken } from '../../commands/edit.ts'
import type { Executed } from '../../commands/executed.ts'
import { done } from '../../commands/outcome.ts'
import { runCommand } from '../../commands/run-command.ts'
import { newId } from '../../core/ids.ts'
import { handle, handleOf, productTexts, title } from './product.ts'

const schema = z
  .object({ title, handle: handle.nullish(), status: z.enum(['DRAFT', 'ACTIVE']).nullish(), ...productTexts })
  .refine((product) => typeof product.handle === 'string' || handleOf(product.title) !== '', {
    path: ['handle'],
    message: 'no handle can be made of this title: give one',
  })

export const productCreate = defineCommand({
  name: 'productCreate',
  permission: 'catalogue:write',
  errors: ['HANDLE_TAKEN'],
  schema,
})

/** Adds a product, ACTIVE unless told. */
export async function createProduct(
  caller: CommandContext,
  input: InputOf<typeof productCreate>,
): Promise<Executed<typeof productCreate>> {
  return await runCommand(caller, productCreate, input, async (tx, value) => {
    const id = newId()
    const now = caller.clock()
    const row = {
      title: value.title,
      handle: value.handle ?? handleOf(value.title),
      status: value.status ?? 'ACTIVE',
      description: value.description ?? '',
      vendor: value.vendor ?? '',
      category: value.category ?? '',
    }
    try {
      await tx.product.create({ data: { id, ...row, createdAt: now, updatedAt: now } })
    } catch (error) {
      return refusedAsTaken(error, 'handle', 'HANDLE_TAKEN', 'another product has this handle')
    }
    const subject = { type: 'Product', id }
    const payload = { handle: row.handle, title: row.title }
    return done(id, [auditOf(subject, null, row)], [{ type: 'product.created', subject, payload }])
  })
}
