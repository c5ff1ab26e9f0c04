// Adds a note to an order. A note is never edited or removed: it belongs to the order's history.
import { z } from 'zod'
import { type CommandContext, labelOf } from '../../auth/command-context.ts'
import { defineCommand, type InputOf } from '../../commands/command.ts'
import { auditOf, notFound } from '../../commands/edit.ts'
import type { Executed } from '../../commands/executed.ts'
import { done } from '../../commands/outcome.ts'
import { runCommand } from '../../commands/run-command.ts'
import { newId } from '../../core/ids.ts'

/** The table's bound. */
const NOTE_LENGTH_MAX = 5_000

const schema = z.object({
  orderId: z.string(),
  text: z
    .string()
    .trim()
    .min(1, 'a note needs a text')
    .max(NOTE_LENGTH_MAX, `at most ${NOTE_LENGTH_MAX} characters`),
})

export const orderNoteAdd = defineCommand({
  name: 'orderNoteAdd',
  permission: 'orders:write',
  errors: ['NOT_FOUND'],
  schema,
})

/** Adds a note under the caller's name. NOT_FOUND: no such order. */
export async function addNote(
  caller: CommandContext,
  input: InputOf<typeof orderNoteAdd>,
): Promise<Executed<typeof orderNoteAdd>> {
  return await runCommand(caller, orderNoteAdd, input, async (tx, { orderId, text }) => {
    const order = await tx.order.findFirst({ where: { id: orderId }, select: { id: true } })
    if (order === null) return notFound('orderId', 'order')
    const id = newId()
    const authorLabel = labelOf(caller.actor)
    await tx.orderNote.create({ data: { id, orderId, text, authorLabel, createdAt: caller.clock() } })
    const subject = { type: 'OrderNote', id }
    return done(
      id,
      [auditOf(subject, null, { orderId, text })],
      [{ type: 'order.note_added', subject: { type: 'Order', id: orderId }, payload: {} }],
    )
  })
}
