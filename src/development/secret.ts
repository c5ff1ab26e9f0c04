// This installation's secrets for development: each made once, and stored in the data directory.
import { randomBytes, randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../core/errors.ts'

/** The secrets for development tokens, for sealing without SECRETS_KEY, and for the development issuer. */
type SecretName = 'development-secret' | 'secrets-key' | 'development-issuer-key'

const SECRET_BYTES = 32

/**
 * The 32 secret bytes in `dataDir`, made (with the directory) at the first call by any process. Only the owner can read
 * the file. Never call it in production. Throws SERVICE_UNAVAILABLE for a damaged file.
 */
export async function developmentSecret(dataDir: string, name: SecretName): Promise<Uint8Array> {
  const text = await keptText(dataDir, name, () => randomBytes(SECRET_BYTES).toString('base64url'))
  const secret = Buffer.from(text, 'base64url')
  if (secret.byteLength === SECRET_BYTES) return secret
  throw damaged(join(dataDir, name))
}

/** The text of a file in `dataDir`, made at the first call as above. */
export async function keptText(
  dataDir: string,
  name: SecretName,
  make: () => Promise<string> | string,
): Promise<string> {
  const path = join(dataDir, name)
  return (await readText(path)) ?? (await makeText(dataDir, path, await make()))
}

export function damaged(path: string): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `${path} is damaged: restore it, or remove it and renew what depends on it (tokens, payment provider connections).`,
  )
}

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}

/** Links a complete file: it neither replaces another process's file nor can be read half-written. */
async function makeText(dataDir: string, path: string, text: string): Promise<string> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomUUID()}`
  try {
    await writeFile(draft, text, { mode: 0o600, flag: 'wx' })
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(draft, { force: true })
  }
  return readFile(path, 'utf8')
}
