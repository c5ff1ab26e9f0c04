// SQL with names of tables and columns in it, which no parameter can hold: the one way to quote them, and to run such a text.
import pg from 'pg'
import { Prisma } from '../generated/prisma/client.ts'
import type { Transaction } from './database.ts'
import type { OwnerQuery } from './owner.ts'

export const { escapeIdentifier, escapeLiteral } = pg

/** Statements of a tenant's transaction for code that does not know whose connection it is on. */
export function queryOf(tx: Transaction): OwnerQuery {
  return async <Row>(text: string, values: readonly unknown[] = []) =>
    await tx.$queryRaw<Row[]>(new Prisma.Sql(text.split(/\$\d+/), [...values]))
}
