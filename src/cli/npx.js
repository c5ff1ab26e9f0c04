#!/usr/bin/env node
// `npx bulkhead` in a checkout or in a project made from it: npx finds the project's own Node, which runs TypeScript. A
// packed package also contains this file, without the command line.
import { existsSync } from 'node:fs'

const entry = new URL('bulkhead.ts', import.meta.url)

function refuse(message) {
  process.stderr.write(`bulkhead: ${message}\n`)
  process.exitCode = 1
}

if (!existsSync(entry))
  refuse('The package has no command line: it is part of a project made by `bulkhead new`.')
else if (!process.features.typescript)
  refuse(`Node ${process.versions.node} cannot run this project; its own Node is installed by npm ci.`)
else await import(entry.href)
