// The files of an empty module.

/** Path below the module's folder → text. */
export function moduleFiles(name: string): Readonly<Record<string, string>> {
  const constant = name.toUpperCase()
  return {
    'module.ts': `// What this project adds of its own.
import './permissions.ts'
import { defineModule, moduleWiring } from '../module.ts'

export const ${name} = defineModule({
  name: '${name}',
  load: async () => moduleWiring({ loadGraphql: () => import('./graphql.ts') }),
})
`,
    'permissions.ts': `// What may be done with this project's own records, and the least of the roles that may.
import { type AreasOf, definePermissions } from '../auth/permissions.ts'

const ${constant} = definePermissions({
})

declare module '../auth/permissions.ts' {
  interface PermissionAreas extends AreasOf<typeof ${constant}> {}
}
`,
    'graphql.ts': `// This project's own types, queries and mutations.
`,
  }
}
