// Registers the schema of this program: what `prisma generate` wrote of it, and the types of its client.
import written from '../generated/datamodel.ts'
import type { $Enums, PrismaClient } from '../generated/prisma/client.ts'
import type { WrittenSchema } from './models.ts'
import { registerSchema } from './register.ts'

declare module './register.ts' {
  interface Register {
    readonly client: PrismaClient
    readonly enums: typeof $Enums
  }
}

export const SCHEMA: WrittenSchema = written

export const DATAMODEL = registerSchema(SCHEMA)
