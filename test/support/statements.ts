// Records the statements that this process sends to PostgreSQL during some work.
import pg from 'pg'

export interface Counted<T> {
  result: T
  /** One entry per message that PostgreSQL answers: a statement sent in the same message has no entry. */
  statements: string[]
}

const SESSION_SETTING = /^SET /

type Query = (this: unknown, ...args: unknown[]) => unknown

/** Runs `work` and returns its statements. One at a time: it observes every connection of the process. */
export async function countStatements<T>(work: () => Promise<T>): Promise<Counted<T>> {
  // pg overloads query() a dozen ways; all of them have the text first, or in an object that comes first.
  const prototype = pg.Client.prototype as unknown as { query: Query }
  const { query } = prototype
  const statements: string[] = []
  prototype.query = function (...args) {
    const [first] = args
    const text = typeof first === 'string' ? first : (first as { text: string }).text
    // What a new connection sends depends on how many there were before.
    if (!SESSION_SETTING.test(text)) statements.push(text)
    return query.apply(this, args)
  }
  try {
    return { result: await work(), statements }
  } finally {
    prototype.query = query
  }
}
