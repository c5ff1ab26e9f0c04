// Where `prisma generate` finds the schema of the peer `typical`; prepare.ts puts it there.
import { defineConfig } from 'prisma/config'

// `prisma generate` would otherwise download a schema engine that it does not use for generating.
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath

export default defineConfig({ schema: '.data/generated/schema' })
