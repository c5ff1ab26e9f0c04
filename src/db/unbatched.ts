// Keeps Prisma from gathering the statements of several callers into one dispatch. Knows only that part of its client.
import type { PrismaClient } from '../generated/prisma/client.ts'

/** Not in the client's published types; its version is pinned, and a test holds two tenants in one tick. */
type Internals = {
  readonly _requestHandler?: { readonly dataloader?: { readonly options?: { batchBy: () => undefined } } }
}

/**
 * Prisma's data loader dispatches what came in one tick in the asynchronous context of whoever came first. A scope
 * travels in that context: the statement of another tenant's transaction was then refused as being outside its own
 * scope. With nothing gathered, each statement is sent by its caller. Throws when the client is not built as expected.
 */
export function turnOffBatching(client: PrismaClient): void {
  const options = (client as unknown as Internals)._requestHandler?.dataloader?.options
  if (typeof options?.batchBy !== 'function') throw new Error("this Prisma client's data loader is not known")
  options.batchBy = () => undefined
}
