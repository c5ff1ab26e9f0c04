// The documents that each tenant has run in this process, by their SHA-256, for persisted queries. A tenant cannot find
// out another's documents.
import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { AppError } from '../core/errors.ts'
import type { Parameters } from './graphql-parameters.ts'
import { HttpRefusal } from './http-refusal.ts'

/** Characters; about two thousand documents of a usual size. */
const LENGTH_PER_TENANT_MAX = 1_048_576
const LENGTH_MAX = 32 * 1_048_576
/** The size of an empty map of a tenant. */
const MAP_LENGTH = 1_024

/** Clients of Apollo's protocol wait for this code or message, and then send the whole document. */
export class PersistedQueryNotFound extends HttpRefusal {
  constructor() {
    super(200, 'PersistedQueryNotFound', 'PERSISTED_QUERY_NOT_FOUND')
  }
}

export type KnownDocuments = {
  has(tenantId: string, sha256: string): boolean
  add(tenantId: string, sha256: string, source: string): void
  /**
   * Adds the document of a persisted query to the parameters. Throws PersistedQueryNotFound when the tenant has run
   * none with this hash, BAD_USER_INPUT when the hash does not match the document beside it.
   */
  resolve(tenantId: string, parameters: Parameters): Parameters
}

export function createKnownDocuments(): KnownDocuments {
  /** Evicts the longest idle tenant. */
  const tenants = new LRUCache<string, Sources>({ maxSize: LENGTH_MAX })
  return {
    has: (tenantId, sha256) => tenants.get(tenantId)?.get(sha256) !== undefined,
    add(tenantId, sha256, source) {
      const sources = tenants.get(tenantId) ?? createSources()
      sources.set(sha256, source)
      // Otherwise the existing entry's size would not be updated.
      tenants.delete(tenantId)
      tenants.set(tenantId, sources, { size: MAP_LENGTH + sources.calculatedSize })
    },
    resolve(tenantId, parameters) {
      const sha256 = hashIn(parameters)
      if (sha256 === null) return parameters
      const { extensions: _extensions, ...others } = parameters
      const { query } = parameters
      if (typeof query !== 'string' || query === '') {
        const source = tenants.get(tenantId)?.get(sha256)
        if (source === undefined) throw new PersistedQueryNotFound()
        return { ...others, query: source }
      }
      if (hash('sha256', query, 'hex') !== sha256) {
        throw new AppError('BAD_USER_INPUT', 'the hash of the persisted query is not that of "query"')
      }
      return others
    },
  }
}

type Sources = LRUCache<string, string>

function createSources(): Sources {
  return new LRUCache({
    maxSize: LENGTH_PER_TENANT_MAX,
    sizeCalculation: (source, sha256) => source.length + sha256.length,
  })
}

/** The hash of the persisted query in checked parameters; null without one. */
export function hashIn({ extensions }: Parameters): string | null {
  const { persistedQuery } = (extensions ?? {}) as { persistedQuery?: { sha256Hash: string } | null }
  return persistedQuery?.sha256Hash ?? null
}
