// Where Prisma's command line finds the schema. It owns no connection: the server makes its own.
import { defineConfig } from 'prisma/config'

// `prisma generate` would otherwise download a schema engine that it does not use for generating.
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath

export default defineConfig({
  schema: 'prisma/schema',
  migrations: { path: 'prisma/migrations' },
})
