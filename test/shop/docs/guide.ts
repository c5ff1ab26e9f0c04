// Parses a guide: the file of each code block, the commands to run, and the expected answers.

export type Step =
  | { readonly kind: 'file'; readonly path: string; readonly text: string }
  | { readonly kind: 'change'; readonly path: string; readonly before: string; readonly after: string }
  | { readonly kind: 'command'; readonly line: string }
  | { readonly kind: 'sql'; readonly text: string }
  | { readonly kind: 'operation'; readonly text: string; readonly as: string }
  | { readonly kind: 'answer'; readonly text: string }

export interface Section {
  title: string
  steps: Step[]
}

const BLOCK = /^```(\w+)\n([\s\S]*?)^```$/gm
const PATH = /`((?:src|prisma|test)\/[\w./-]+\.\w+)`/g
const WHO = /\bas `([\w.]+@[\w.]+)`/gi

/** The steps of every part under a `##` heading with blocks, in order. Throws for an incomplete block. */
export function sectionsOf(guide: string): Section[] {
  let as = ''
  return guide.split(/^## /m).flatMap((part) => {
    const title = part.slice(0, part.indexOf('\n'))
    const steps: Step[] = []
    let path: string | undefined
    let end = 0
    for (const block of part.matchAll(BLOCK)) {
      const [all, language = '', text = ''] = block
      const prose = part.slice(end, block.index)
      end = block.index + all.length
      as = [...prose.matchAll(WHO)].at(-1)?.[1] ?? as
      path = [...prose.matchAll(PATH)].at(-1)?.[1] ?? path
      steps.push(...stepsOf(language, text, path, as))
    }
    return steps.length === 0 ? [] : [{ title, steps }]
  })
}

function stepsOf(language: string, text: string, path: string | undefined, as: string): Step[] {
  switch (language) {
    case 'sh':
      return text
        .trim()
        .split('\n')
        .map((line) => ({ kind: 'command', line }))
    case 'sql':
      return [{ kind: 'sql', text }]
    case 'graphql':
      return [{ kind: 'operation', text, as }]
    case 'json':
      return [{ kind: 'answer', text }]
  }
  if (path === undefined) throw new Error(`which file is this block for?\n${text}`)
  return [language === 'diff' ? changeOf(path, text) : { kind: 'file', path, text }]
}

function changeOf(path: string, diff: string): Step {
  const side = (sign: string) =>
    diff
      .split('\n')
      .filter((line) => line === '' || line.startsWith(' ') || line.startsWith(sign))
      .map((line) => line.slice(1))
      .join('\n')
  return { kind: 'change', path, before: side('-'), after: side('+') }
}
