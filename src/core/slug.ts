// The slug of a tenant: its name in URLs, tokens and commands. The database has the same rule.

const SLUG = /^[a-z0-9](-?[a-z0-9]){0,62}$/

/** 1 to 63 characters of a-z, 0-9 and single hyphens inside. */
export function isSlug(text: string): boolean {
  return SLUG.test(text)
}
