#!/usr/bin/env node
// The command line's entry point. Each command loads what it needs when it is called.
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

// Before the large modules, so the commands are imported below. In node_modules, since others may write to the
// temporary directory.
enableCompileCache(fileURLToPath(new URL('../../node_modules/.cache/bulkhead', import.meta.url)))
const { program } = await import('./program.ts')
await program().parseAsync()
