// Which columns each model has, for whoever composes a selection without knowing Prisma's runtime.
import { Prisma } from '../generated/prisma/client.ts'

export type ModelName = Prisma.ModelName

/** The scalar fields of a model, by their names in the client. */
export function columnsOf(model: ModelName): ReadonlySet<string> {
  const known = columns.get(model)
  if (known !== undefined) return known
  // The generated client exports one `<Model>ScalarFieldEnum` per model; TypeScript cannot index by a made-up name.
  const fields = (Prisma as unknown as Record<string, Record<string, string>>)[`${model}ScalarFieldEnum`]
  const made = new Set(Object.keys(fields ?? {}))
  columns.set(model, made)
  return made
}

const columns = new Map<ModelName, ReadonlySet<string>>()
