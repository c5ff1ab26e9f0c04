// The slug of a tenant: what it is called in addresses, tokens and commands. The database has the same rule.

const SLUG = /^[a-z0-9](-?[a-z0-9]){0,62}$/

/** 1 to 63 of a-z, 0-9 and single hyphens within. */
export function isSlug(text: string): boolean {
  return SLUG.test(text)
}
