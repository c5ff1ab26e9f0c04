// The trusted documents: read from manifests at the start, known to every tenant, and named by an id in place of their
// text (GraphQL over HTTP's documentId, and Apollo's persisted queries). Does not decide whether others may run.
import { hash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { GraphQLSchema } from 'graphql'
import { z } from 'zod'
import { AppError } from '../core/errors.ts'
import { createDocuments } from './documents.ts'
import type { Parameters } from './graphql-parameters.ts'
import { hashIn } from './known-documents.ts'

export type TrustedDocuments = {
  /** Whether all other documents are refused. */
  readonly only: boolean
  /** Whether a document with this SHA-256, in hex, is one of them. */
  has(sha256: string): boolean
  /** The parameters with the document that their id or hash names. Throws DOCUMENT_NOT_TRUSTED for an unknown id. */
  resolve(parameters: Parameters): Parameters
}

/** As GraphQL Code Generator's client preset writes it: id → document. */
const codegenManifest = z.record(z.string().min(1), z.string().min(1))
/** As Apollo's generate-persisted-query-manifest writes it. */
const apolloManifest = z.object({
  format: z.literal('apollo-persisted-query-manifest'),
  version: z.literal(1),
  operations: z.array(z.object({ id: z.string().min(1), body: z.string().min(1) })),
})
const manifest = z.union([
  apolloManifest.transform(({ operations }) => operations.map(({ id, body }) => [id, body] as const)),
  codegenManifest.transform((documents) => Object.entries(documents)),
])

/** Some ten versions of a large frontend. */
const DOCUMENTS_MAX = 10_000
const SHA256_PREFIX = 'sha256:'

export const NO_TRUSTED_DOCUMENTS: TrustedDocuments = trust([], false)

/**
 * Reads a manifest, or all *.json of a folder, and validates every document against the schema. Throws
 * SERVICE_UNAVAILABLE with a line for each mistake.
 */
export async function readTrustedDocuments(options: {
  readonly path: string
  readonly only: boolean
  readonly schema: GraphQLSchema
}): Promise<TrustedDocuments> {
  const { path, only, schema } = options
  const problems: string[] = []
  const documents = new Map<string, string>()
  for (const file of await manifestsAt(path, problems)) {
    for (const [id, source] of await readManifest(file, problems)) {
      const known = documents.get(id)
      if (known !== undefined && known !== source)
        problems.push(`${basename(file)}: ${id} is the id of another document already`)
      documents.set(id, source)
    }
  }
  if (documents.size > DOCUMENTS_MAX) problems.push(`${documents.size} documents; at most ${DOCUMENTS_MAX}`)
  problems.push(...invalid(documents, schema))
  if (problems.length > 0) {
    const list = problems.map((problem) => `\n  ${problem}`).join('')
    throw new AppError('SERVICE_UNAVAILABLE', `TRUSTED_DOCUMENTS: ${path} is refused:${list}`)
  }
  return trust([...documents], only)
}

async function manifestsAt(path: string, problems: string[]): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path]
    const names = (await readdir(path)).filter((name) => name.endsWith('.json')).toSorted()
    if (names.length === 0) problems.push('the folder has no *.json')
    return names.map((name) => join(path, name))
  } catch (error) {
    problems.push(error instanceof Error ? error.message : 'cannot be read')
    return []
  }
}

async function readManifest(
  file: string,
  problems: string[],
): Promise<readonly (readonly [id: string, source: string])[]> {
  try {
    const parsed = manifest.safeParse(JSON.parse(await readFile(file, 'utf8')))
    if (parsed.success) return parsed.data
    problems.push(`${basename(file)}: neither a JSON object of ids and documents, nor an Apollo manifest`)
  } catch (error) {
    problems.push(`${basename(file)}: ${error instanceof Error ? error.message : 'cannot be read'}`)
  }
  return []
}

function invalid(documents: ReadonlyMap<string, string>, schema: GraphQLSchema): string[] {
  // A team may trust an introspection query where others may not introspect.
  const reader = createDocuments({ schema, introspection: true, hideSuggestions: false })
  return [...documents].flatMap(([id, source]) =>
    reader.prepare(source, sha256Of(source)).errors.map(({ message }) => `${id}: ${message}`),
  )
}

function trust(
  documents: readonly (readonly [id: string, source: string])[],
  only: boolean,
): TrustedDocuments {
  const byId = new Map(documents)
  const hashes = new Set<string>()
  for (const [, source] of documents) {
    const sha256 = sha256Of(source)
    hashes.add(sha256)
    if (!byId.has(sha256)) byId.set(sha256, source)
  }
  return {
    only,
    has: (sha256) => hashes.has(sha256),
    resolve(parameters) {
      const { documentId, ...others } = parameters
      if (typeof documentId === 'string') {
        const source = byId.get(documentId) ?? byId.get(withoutPrefix(documentId))
        if (source !== undefined) return { ...others, query: source }
        throw new AppError('DOCUMENT_NOT_TRUSTED', 'no trusted document has this "documentId"')
      }
      // A manifest's id need not be the hash of its text, so it is not compared with that again.
      const { extensions: _extensions, ...asked } = parameters
      const source = byId.get(hashIn(parameters) ?? '')
      return source === undefined || parameters.query ? parameters : { ...asked, query: source }
    },
  }
}

function withoutPrefix(id: string): string {
  return id.startsWith(SHA256_PREFIX) ? id.slice(SHA256_PREFIX.length) : id
}

function sha256Of(source: string): string {
  return hash('sha256', source, 'hex')
}
