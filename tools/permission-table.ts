// The table in docs/api-keys.md of what each permission lets its holder read and change, from the schema.
import { type GraphQLObjectType, type GraphQLSchema, getNamedType, isObjectType } from 'graphql'
import { leastRoleOf, PERMISSIONS } from '../src/auth/permissions.ts'
import { VISIBILITY } from '../src/graphql/visibility.ts'
import { buildSchema } from '../src/schema.ts'

export const TABLE_FILE = new URL('../docs/api-keys.md', import.meta.url)
const TABLE = /^\| permission \|(.*\n\|)*.*\n/m

/** The page with the present table in place of its own. */
export function withPermissionTable(page: string): string {
  return page.replace(TABLE, () => `${permissionTable(buildSchema())}\n`)
}

function permissionTable(schema: GraphQLSchema): string {
  const [read, changed] = [readBy(schema), changedBy(schema)]
  const cell = (names: readonly string[] | undefined) =>
    (names ?? []).map((name) => name.replace(/\w[\w.]*$/, '`$&`')).join(', ')
  const rows = PERMISSIONS.map(
    (permission) =>
      `| \`${permission}\` | ${leastRoleOf(permission)} | ${cell(read.get(permission))} | ${cell(changed.get(permission))} |`,
  )
  return ['| permission | least role | reads | changes by |', '|---|---|---|---|', ...rows].join('\n')
}

/** Types whose records need it, or of which it shows hidden ones, and single fields that need it in addition. */
function readBy(schema: GraphQLSchema): Map<unknown, string[]> {
  const found = new Map<unknown, string[]>()
  const add = (permission: unknown, name: string) =>
    found.set(permission, [...new Set([...(found.get(permission) ?? []), name])])
  for (const [model, { unless }] of VISIBILITY)
    for (const permission of unless) add(permission, `hidden ${model}`)
  for (const type of shownTypes(schema)) {
    const { permission, nodePermission } = type.extensions
    add(permission ?? nodePermission, type.name)
    for (const field of Object.values(type.getFields())) {
      const name = type === schema.getQueryType() ? field.name : `${type.name}.${field.name}`
      const ofType = getNamedType(field.type).extensions.permission
      if (field.extensions.permission !== ofType) add(field.extensions.permission, name)
    }
  }
  return found
}

/** Without lists, which need what their records need. */
function shownTypes(schema: GraphQLSchema): GraphQLObjectType[] {
  return Object.values(schema.getTypeMap())
    .filter(isObjectType)
    .filter((type) => type !== schema.getMutationType() && !/^__|(Connection|Edge)$/.test(type.name))
}

function changedBy(schema: GraphQLSchema): Map<unknown, string[]> {
  const mutations = Object.values(schema.getMutationType()?.getFields() ?? {})
  const found = Map.groupBy(mutations, ({ extensions }) => extensions.permission)
  return new Map([...found].map(([permission, fields]) => [permission, fields.map(({ name }) => name)]))
}
