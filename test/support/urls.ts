// Rewrites connection strings.

/** The same server and role, another database. */
export function withDatabase(url: string, database: string): string {
  const rewritten = new URL(url)
  rewritten.pathname = `/${database}`
  return rewritten.href
}

/** The same server and database, another role. */
export function withRole(url: string, role: string, password: string): string {
  const rewritten = new URL(url)
  rewritten.username = role
  rewritten.password = password
  return rewritten.href
}
