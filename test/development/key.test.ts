// The development issuer's key: one per installation, stored.
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { developmentKey } from '../../src/development/key.ts'

let directory: string
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'bulkhead-key-')), 'data')
})
afterEach(() => rm(join(directory, '..'), { recursive: true, force: true }))

const file = () => join(directory, 'development-issuer-key')

it('is made once, by any process, and readable only by its owner', async () => {
  const keys = await Promise.all(Array.from({ length: 8 }, () => developmentKey(directory)))
  expect(new Set(keys.map(({ kid }) => kid)).size).toBe(1)
  expect(await developmentKey(directory)).toEqual(keys[0])
  expect(await readdir(directory)).toEqual(['development-issuer-key'])
  expect((await stat(file())).mode & 0o777).toBe(0o600)
})

it('is another’s in another installation', async () => {
  const other = join(directory, 'other')
  expect((await developmentKey(other)).kid).not.toBe((await developmentKey(directory)).kid)
})

it('is not replaced when it is damaged: that would silently invalidate every token', async () => {
  await developmentKey(directory)
  for (const text of ['', '{', '{"kty":"EC"}', (await readFile(file(), 'utf8')).replace('"d"', '"e"')]) {
    await writeFile(file(), text)
    await expect(developmentKey(directory)).rejects.toThrow(/development-issuer-key is damaged/)
  }
})
