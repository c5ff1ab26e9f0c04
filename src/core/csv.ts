// Rows of CSV as RFC 4180 writes them, which a spreadsheet shows and never computes. Pure.

const LINE_END = '\r\n'
/** How a spreadsheet knows a formula: its first sign, which may stand behind spaces, or be a full-width one. */
const FORMULA = /^\s*[=+\-@＝＋－＠]|^[\t\r\n]/

/**
 * One row with its line's end. A cell that a spreadsheet would take for a formula gets an apostrophe before it, which
 * makes it a text: names of keys and ids of requests are chosen by whoever sends them.
 */
export function csvRow(cells: readonly (string | null)[]): string {
  return cells.map(cellOf).join(',') + LINE_END
}

function cellOf(text: string | null): string {
  if (text === null) return ''
  const safe = FORMULA.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
