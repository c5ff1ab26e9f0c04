// `npm run check:schema`: checks that schema.graphql and the table of permissions are up to date and that breaking changes are
// declared. Writes nothing.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { type Change, CriticalityLevel, diff } from '@graphql-inspector/core'
import { buildSchema as parseSchema } from 'graphql'
import { TABLE_FILE, withPermissionTable } from './permission-table.ts'
import { printedSchema, SCHEMA_FILE } from './printed-schema.ts'
import { undescribed } from './undescribed.ts'

const DECLARED_FILE = new URL('../docs/schema-changes.md', import.meta.url)

const printed = printedSchema()
const complaints = [...outdated(printed), ...(await undeclared(printed)), ...nameless(printed)]
for (const complaint of complaints) process.stderr.write(`${complaint}\n`)
if (complaints.length > 0) process.exitCode = 1

function outdated(printed: string): string[] {
  const page = readIfThere(TABLE_FILE)
  const stale = [
    ...(readIfThere(SCHEMA_FILE) === printed ? [] : ['schema.graphql']),
    ...(withPermissionTable(page) === page ? [] : ['the table in docs/api-keys.md']),
  ]
  return stale.map(
    (what) => `${what} is not what the sources say: run npm run schema:print, and look at the difference.`,
  )
}

/**
 * Breaking changes since the schema was last committed that docs/schema-changes.md does not name in backticks; `*` in a
 * path stands for any part of a name. An entry counts only in the change that adds or rewrites it: otherwise one for
 * `Query.*` would excuse every later change.
 */
async function undeclared(printed: string): Promise<string[]> {
  const base = lastCommitted(printed)
  if (base === null) return []
  const former = new Set(entriesOf(showAt(base.commit, 'docs/schema-changes.md') ?? ''))
  const declared = entriesOf(readIfThere(DECLARED_FILE))
    .filter((entry) => !former.has(entry))
    .map((entry) => pathPattern(entry.split('`')[1] ?? ''))
  const changes = await diff(parseSchema(base.schema), parseSchema(printed))
  return changes
    .filter((change) => isBreaking(change) && !declared.some((path) => path.test(change.path ?? '')))
    .map(
      ({ path, message }) =>
        `This breaks clients: ${message}. If it must be, say why in docs/schema-changes.md (- \`${path ?? ''}\`: …).`,
    )
}

function nameless(printed: string): string[] {
  return undescribed(parseSchema(printed)).map(
    (path) =>
      `${path} has no description: write one where it is declared, or a /// comment at its column in the Prisma schema.`,
  )
}

/** The first line of each entry: `- \`Type.field\`: …`. */
function entriesOf(text: string): string[] {
  return [...text.matchAll(/^- `[^`]+`.*$/gm)].map(([entry]) => entry)
}

function pathPattern(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replaceAll('*', '\\w*')}$`)
}

function isBreaking({ criticality }: Change): boolean {
  return criticality.level === CriticalityLevel.Breaking
}

/** The last committed schema that differs: before a commit that is HEAD's, after it HEAD's parent's. Null without one. */
function lastCommitted(printed: string): { readonly commit: string; readonly schema: string } | null {
  for (const commit of ['HEAD', 'HEAD^']) {
    const schema = showAt(commit, 'schema.graphql')
    if (schema !== null && schema !== printed) return { commit, schema }
  }
  return null
}

function showAt(commit: string, file: string): string | null {
  try {
    return execFileSync('git', ['show', `${commit}:${file}`], {
      cwd: new URL('..', import.meta.url),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  } catch {
    return null // no git, no such commit (a shallow clone), or no such file in it
  }
}

function readIfThere(file: URL): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}
