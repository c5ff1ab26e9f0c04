// All unpublished parts of Prisma's client that src/db uses. The client's version is pinned, and
// test/db/prisma-internals.test.ts has a test of each part, and of the messages of Prisma's adapter that
// scoped-connection.ts recognises.

type WithLoader = {
  readonly _requestHandler?: { readonly dataloader?: { readonly options?: { batchBy: () => undefined } } }
}

/**
 * Prisma's data loader dispatches all queries of a tick in the asynchronous context of the first caller. The scope is
 * in that context, so the statement of another tenant's transaction was refused as outside its scope. Without merging,
 * each caller sends its own statements. Throws when the client is not built as expected.
 */
export function turnOffBatching(client: object): void {
  const options = (client as WithLoader)._requestHandler?.dataloader?.options
  if (typeof options?.batchBy !== 'function')
    throw new Error("this Prisma client's data loader is not supported")
  options.batchBy = () => undefined
}

/** A client in a transaction, without the extension. */
export type PlainTransaction = {
  $queryRawUnsafe<Rows>(text: string, ...values: readonly unknown[]): Promise<Rows>
  $executeRawUnsafe(text: string, ...values: readonly unknown[]): Promise<number>
}

type ModelContext = {
  readonly $name?: string
  readonly $parent?: Partial<PlainTransaction> & { readonly $extends?: unknown }
}

/**
 * `context`: of an extension's method of a model. `transaction`: the extended client in the transaction in which the method
 * was called; null outside of a transaction. Such a client has no `$extends`. Throws for any other context.
 */
export function placeOf(context: object): {
  readonly model: string
  readonly transaction: PlainTransaction | null
} {
  const { $name: model, $parent: parent } = context as ModelContext
  if (model === undefined || typeof parent?.$queryRawUnsafe !== 'function')
    throw new Error("this Prisma client's models are not supported")
  return { model, transaction: parent.$extends === undefined ? (parent as PlainTransaction) : null }
}
