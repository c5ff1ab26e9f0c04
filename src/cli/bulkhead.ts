#!/usr/bin/env node
// The command line: its commands and nothing of their work. Each loads what it needs when it is called.
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

// Before anything large is loaded, which is why the commands are imported below and not above. Beside the packages,
// since the temporary directory is writable by others.
enableCompileCache(fileURLToPath(new URL('../../node_modules/.cache/bulkhead', import.meta.url)))
const { program } = await import('./program.ts')
await program().parseAsync()
