// The commands of the readme and of the pages can be pasted into an interactive shell. zsh, unlike bash, takes a # behind a
// command for an argument, and refuses a pattern that matches no file.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PAGES = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
]
const QUOTED = /'[^']*'|"(?:\\.|[^"\\])*"/gs

/** The lines of shell blocks that zsh reads in another way. */
function unfit(page: string): string[] {
  const blocks = [...page.matchAll(/^```(?:sh|bash|shell|zsh)\n(.*?)^```$/gms)]
  return blocks.flatMap(([, block = '']) =>
    block
      .replaceAll(QUOTED, '""')
      .split('\n')
      .filter((line) => /(^|\s)#|[*?[\]]/.test(line)),
  )
}

it.each(PAGES)('%s has commands that can be pasted into zsh', (page) => {
  expect(unfit(readFileSync(join(ROOT, page), 'utf8'))).toEqual([])
})

describe('what is refused', () => {
  it.each(['npm start   # starts it', '# starts it\nnpm start', 'ls *.md', 'curl localhost/?a=b'])(
    '%s',
    (command) => {
      expect(unfit(`\`\`\`sh\n${command}\n\`\`\`\n`)).toHaveLength(1)
    },
  )

  it.each(['ask \'{ a(b: "#1") }\' # no', 'curl "localhost/?a=b#c"'])(
    '%s, where it is not quoted',
    (command) => {
      expect(unfit(`\`\`\`sh\n${command}\n\`\`\`\n`)).toHaveLength(command.endsWith('no') ? 1 : 0)
    },
  )
})
