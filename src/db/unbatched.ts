// Stops Prisma from merging the statements of several callers into one dispatch.
import type { PrismaClient } from '../generated/prisma/client.ts'

/** Missing in the client's published types; its version is pinned, and a test runs two tenants in one tick. */
type Internals = {
  readonly _requestHandler?: { readonly dataloader?: { readonly options?: { batchBy: () => undefined } } }
}

/**
 * Prisma's data loader dispatches all queries of a tick in the asynchronous context of the first caller. The scope is
 * in that context, so the statement of another tenant's transaction was refused as outside its scope. Without merging,
 * each caller sends its own statements. Throws when the client is not built as expected.
 */
export function turnOffBatching(client: PrismaClient): void {
  const options = (client as unknown as Internals)._requestHandler?.dataloader?.options
  if (typeof options?.batchBy !== 'function')
    throw new Error("this Prisma client's data loader is not supported")
  options.batchBy = () => undefined
}
