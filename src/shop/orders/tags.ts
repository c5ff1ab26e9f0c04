// The tags of orders: their form, and how they are read and replaced.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import { defineCommand, type InputOf } from '../../commands/command.ts'
import { changedMeanwhile, changesTo, conflict, EDIT_ERRORS, edited, notFound } from '../../commands/edit.ts'
import type { Executed } from '../../commands/executed.ts'
import { done } from '../../commands/outcome.ts'
import { runCommand } from '../../commands/run-command.ts'
import { isPlain } from '../../core/text.ts'
import type { TenantClient, Transaction } from '../../db/database.ts'
import type { Order } from '../../generated/prisma/client.ts'
import { lockOrder } from './order-money.ts'

/** The table's bounds. */
const TAGS_MAX = 25
const TAG_LENGTH_MAX = 40

/** As it is stored: without spaces around it, and with single ones within. */
function tidyTag(text: string): string {
  return text.normalize('NFC').trim().replaceAll(/\s+/g, ' ')
}

/** The form in which tags are compared: without regard to case. */
export function foldTag(text: string): string {
  return tidyTag(text).toLowerCase()
}

/** Tidied, and each tag once: of two that differ in case the first. */
function distinctTags(tags: readonly string[]): string[] {
  const byFolded = new Map<string, string>()
  for (const tag of tags) if (!byFolded.has(foldTag(tag))) byFolded.set(foldTag(tag), tag)
  return [...byFolded.values()]
}

const tagSchema = z
  .string()
  .transform(tidyTag)
  .pipe(
    z
      .string()
      .min(1, 'a tag needs a text')
      .max(TAG_LENGTH_MAX, `at most ${TAG_LENGTH_MAX} characters`)
      .refine(isPlain, {
        error: 'no control characters',
        params: { code: 'FORMAT', expected: 'a text without control characters' },
      }),
  )

const schema = z.object({
  id: z.string(),
  expectedVersion: z.number(),
  tags: z.array(tagSchema).max(TAGS_MAX, `at most ${TAGS_MAX} tags`).transform(distinctTags),
})

export const orderTagsSet = defineCommand({
  name: 'orderTagsSet',
  permission: 'orders:write',
  errors: [...EDIT_ERRORS],
  schema,
})

type TaggedOrder = Order & { readonly tags: readonly string[] }

/** Replaces the tags of an order. The same tags change nothing. NOT_FOUND: no such order; CONFLICT: it has another version. */
export async function setTags(
  caller: CommandContext,
  input: InputOf<typeof orderTagsSet>,
): Promise<Executed<typeof orderTagsSet>> {
  return await runCommand(caller, orderTagsSet, input, async (tx, { id, expectedVersion, tags }) => {
    const order = await lockOrder(tx, id)
    if (order === null) return notFound('id', 'order')
    const current: TaggedOrder = { ...order, tags: (await tagsOf(tx, [id])).get(id) ?? [] }
    if (order.version !== expectedVersion) {
      const changed = await changedMeanwhile(tx, 'Order', current, expectedVersion, { tags })
      return conflict(current, expectedVersion, { reads: 'orders:read', changed })
    }
    const changes = changesTo(current, { tags })
    if (Object.keys(changes).length === 0) return done(id, [])
    const version = expectedVersion + 1
    await tx.order.updateMany({ where: { id }, data: { version, updatedAt: caller.clock() } })
    await replaceTags(tx, id, tags)
    const subject = { type: 'Order', id }
    return edited(subject.type, current, changes, [{ type: 'order.tagged', subject, payload: { version } }])
  })
}

async function replaceTags(tx: Transaction, orderId: string, tags: readonly string[]): Promise<void> {
  await tx.orderTag.deleteMany({ where: { orderId } })
  if (tags.length === 0) return
  const data = tags.map((tag, position) => ({ orderId, position, tag, folded: foldTag(tag) }))
  await tx.orderTag.createMany({ data })
}

/** The tags of each order that has some, in their order, by one statement. */
export async function tagsOf(
  db: TenantClient | Transaction,
  orderIds: readonly string[],
): Promise<Map<string, string[]>> {
  const rows = await db.orderTag.findMany({
    where: { orderId: { in: [...orderIds] } },
    orderBy: [{ orderId: 'asc' }, { position: 'asc' }],
    select: { orderId: true, tag: true },
  })
  return new Map(
    [...Map.groupBy(rows, ({ orderId }) => orderId)].map(([id, found]) => [id, found.map(({ tag }) => tag)]),
  )
}
