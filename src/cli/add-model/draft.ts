// Collects changes to files, and writes them at the end, or none when one of them cannot be made.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AppError } from '../../core/errors.ts'

export type Draft = {
  /** The text after the changes; null: no such file. */
  read(path: string): Promise<string | null>
  /** Throws BAD_USER_INPUT for an existing file. */
  create(path: string, text: string): Promise<void>
  /** Inserts `line` before the first match of `before`. Throws BAD_USER_INPUT when there is none. */
  insert(path: string, line: string, before: RegExp): Promise<void>
  /** Replaces the first `old` by `text`. */
  replace(path: string, old: string, text: string): Promise<void>
  /** Writes all changes; returns the paths. */
  write(): Promise<readonly string[]>
}

/** Paths are below `root`. */
export function openDraft(root: string): Draft {
  const texts = new Map<string, string>()

  async function read(path: string): Promise<string | null> {
    const drafted = texts.get(path)
    if (drafted !== undefined) return drafted
    return await readFile(join(root, path), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    })
  }

  return {
    read,

    async create(path, text) {
      if ((await read(path)) !== null)
        throw new AppError('BAD_USER_INPUT', `${path} is there already. Nothing was written.`)
      texts.set(path, text)
    },

    async insert(path, line, before) {
      const text = (await read(path)) ?? ''
      const place = text.search(before)
      if (place === -1)
        throw new AppError(
          'BAD_USER_INPUT',
          `${path} is not in the form that is expected: add "${line}" by hand. Nothing was written.`,
        )
      texts.set(path, `${text.slice(0, place)}${line}\n${text.slice(place)}`)
    },

    async replace(path, old, text) {
      texts.set(
        path,
        ((await read(path)) ?? '').replace(old, () => text),
      )
    },

    async write() {
      for (const [path, text] of texts) {
        await mkdir(dirname(join(root, path)), { recursive: true })
        await writeFile(join(root, path), text)
      }
      return [...texts.keys()]
    },
  }
}
