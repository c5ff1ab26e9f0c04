// Rows of CSV that a spreadsheet displays without computing.
import { expect, it } from 'vitest'
import { csvRow } from '../../src/core/csv.ts'

it('quotes what needs it, doubles quotes, and ends each row with CR LF', () => {
  expect(csvRow(['plain', 'a,b', 'say "hi"', 'two\nlines', null, ''])).toBe(
    'plain,"a,b","say ""hi""","two\nlines",,\r\n',
  )
})

it.each(['=1+1', '+1', '-1', '@SUM(A1)', ' =1', '\t=1', '\tx', '\rx', '\nx', '＝1+1', '＠x'])(
  'makes a text of a cell that would be a formula: %j',
  (text) => {
    const cell = csvRow([text]).slice(0, -2)
    expect(cell.replace(/^"/, '').startsWith(`'${text}`)).toBe(true)
  },
)

it('makes a text of a formula that hides behind the quoting', () => {
  expect(csvRow(['=HYPERLINK("http://evil.example","x")'])).toBe(
    `"'=HYPERLINK(""http://evil.example"",""x"")"\r\n`,
  )
})

it.each(['a=b', 'somebody+tag@shop.example', '2026-01-31', '{"a":-1}'])('leaves %j as it is', (text) => {
  expect(csvRow([text, 'x'])).toContain(text.replaceAll('"', '""'))
  expect(csvRow([text, 'x'])).not.toContain("'")
})
