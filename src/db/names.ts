// Quotes names of tables and columns for SQL, where no parameter is allowed, and runs such a text.
import { Sql } from '@prisma/client/runtime/client'
import pg from 'pg'
import type { Transaction } from './database.ts'
import type { OwnerQuery } from './owner.ts'

export const { escapeIdentifier, escapeLiteral } = pg

/** Runs statements of a tenant's transaction, for code that works on any connection. */
export function queryOf(tx: Transaction): OwnerQuery {
  return async <Row>(text: string, values: readonly unknown[] = []) =>
    await tx.$queryRaw<Row[]>(new Sql(text.split(/\$\d+/), [...values]))
}
