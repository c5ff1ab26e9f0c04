// Why an operation is left to graphql-js.

/** Thrown while an operation is compiled: it has a part that only graphql-js resolves. */
export class Uncompiled extends Error {
  override readonly name = 'Uncompiled'
}

export function leave(reason: string): never {
  throw new Uncompiled(reason)
}

/**
 * Thrown while an answer is written: the data are not what the schema says (null in a field that is never null, a value that its
 * type refuses), or a field failed. graphql-js then answers, with the error in its place.
 */
export class Unwritable extends Error {
  override readonly name = 'Unwritable'
}

/** Writes a part of an answer. Whatever a value's writer throws belongs to one field, in a place that only graphql-js tells. */
export function written(write: () => string): string {
  try {
    return write()
  } catch (error) {
    throw error instanceof Unwritable ? error : new Unwritable('a field failed', { cause: error })
  }
}
