// Formats CSV rows by RFC 4180, safe against formula injection in spreadsheets. Pure.

const LINE_END = '\r\n'
/** How a spreadsheet recognises a formula: by its first character, possibly after spaces or in full width. */
const FORMULA = /^\s*[=+\-@＝＋－＠]|^[\t\r\n]/

/**
 * One row with its line end. A cell that a spreadsheet would take for a formula gets an apostrophe before it, which
 * makes it a text: names of keys and request ids are chosen by clients.
 */
export function csvRow(cells: readonly (string | null)[]): string {
  return cells.map(cellOf).join(',') + LINE_END
}

function cellOf(text: string | null): string {
  if (text === null) return ''
  const safe = FORMULA.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
