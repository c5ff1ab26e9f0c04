// Words that no other test of the run uses.
let made = 0

/** A word that no other call returns, and that is no part of one: for keys, handles and addresses. */
export function unique(prefix: string): string {
  made += 1
  return `${prefix}-${String(made).padStart(6, '0')}`
}
