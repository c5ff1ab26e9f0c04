// The models of this program: what `prisma generate` wrote of its own schema.
import written from '../generated/datamodel.ts'
import type { Prisma } from '../generated/prisma/client.ts'
import { datamodelOf, type Model, modelIn, type WrittenSchema } from './models.ts'

export type { Column, Model, Relation } from './models.ts'
export type ModelName = Prisma.ModelName

export const SCHEMA: WrittenSchema = written

export const DATAMODEL = datamodelOf(SCHEMA)

const ENUMS = new Map(SCHEMA.enums)

/** Throws a plain Error for an unknown name. */
export function modelOf(name: string): Model {
  return modelIn(DATAMODEL, name)
}

/** The values of an enum, in order. Throws a plain Error for an unknown name. */
export function enumValues(name: string): readonly string[] {
  const values = ENUMS.get(name)
  if (values === undefined) throw new Error(`there is no enum ${name}`)
  return values
}
