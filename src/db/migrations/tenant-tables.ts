// Finds the tables of a Prisma schema that belong to tenants, from its text. Pure. The schema engine validates the
// text; app.protect and the doctor check the tables.

export interface TenantTable {
  model: string
  /** The name in the database. */
  table: string
  /** The fields of its primary key, in order. */
  key: string[]
}

const TENANT_FIELD = 'tenantId'
const PLAIN_TABLE = /^[a-z_][a-z0-9_]*$/

/** Every model with a `tenantId`. */
export function tenantTables(schema: string): TenantTable[] {
  const text = withoutComments(schema)
  return [...text.matchAll(/^\s*model\s+(\w+)\s*\{(.*?)^\s*\}/gms)].flatMap(([, model = '', body = '']) => {
    if (!new RegExp(`^\\s*${TENANT_FIELD}\\s`, 'm').test(body)) return []
    const table = /@@map\(\s*(?:name:\s*)?"([^"]+)"/.exec(body)?.[1] ?? model
    return [{ model, table, key: primaryKey(body) }]
  })
}

/** What is wrong with a new tenant's table, and what to write instead; null when nothing is. */
export function complaintAboutKey({ model, table, key }: TenantTable): string | null {
  if (key[0] !== TENANT_FIELD) {
    return (
      `Model ${model} has a ${TENANT_FIELD}, so its primary key must start with it: otherwise keys and relations ` +
      `reach across tenants. Write @@id([${TENANT_FIELD}, id]) in the model, take @id off the field, and let relations ` +
      `name both fields: @relation(fields: [${TENANT_FIELD}, orderId], references: [${TENANT_FIELD}, id]).`
    )
  }
  if (!PLAIN_TABLE.test(table)) {
    return `Model ${model} would make a table that SQL has to quote, "${table}". Write @@map("${snakeCase(table)}") in the model.`
  }
  return null
}

function primaryKey(body: string): string[] {
  const composite = /@@id\(\s*(?:fields:\s*)?\[([^\]]*)\]/.exec(body)?.[1]
  if (composite !== undefined) return composite.split(',').map((field) => field.trim().replace(/\(.*/, ''))
  const single = /^\s*(\w+)\s[^\n]*@id\b/m.exec(body)?.[1]
  return single === undefined ? [] : [single]
}

/** Removes `//` comments, except inside string literals, where they are text (a URL in a default). */
function withoutComments(schema: string): string {
  return schema.replaceAll(/"(?:[^"\\\n]|\\.)*"|\/\/[^\n]*/g, (found) => (found.startsWith('"') ? found : ''))
}

function snakeCase(name: string): string {
  return name
    .replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '_')
    .toLowerCase()
    .replaceAll(/\W/g, '_')
}
