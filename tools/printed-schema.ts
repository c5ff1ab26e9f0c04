// The schema as text, in the form of schema.graphql.
import { lexicographicSortSchema, printSchema } from 'graphql'
import { buildSchema } from '../src/schema.ts'

export const SCHEMA_FILE = new URL('../schema.graphql', import.meta.url)

/** Sorted, so that moving a type in the sources changes nothing. */
export function printedSchema(): string {
  return `${printSchema(lexicographicSortSchema(buildSchema()))}\n`
}
