// The configuration of `prisma generate` for the peer `typical`, where prepare.ts puts it.
import { defineConfig } from 'prisma/config'

// Otherwise `prisma generate` would download a schema engine that generating does not use.
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath

export default defineConfig({ schema: '.data/generated/schema' })
