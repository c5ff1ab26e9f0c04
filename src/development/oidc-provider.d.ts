// Declarations that the package's own types lack.
declare module 'oidc-provider/lib/adapters/memory_adapter.js' {
  import type { AdapterFactory } from 'oidc-provider'

  /** Stores the 1,000 most recently used records, until each expires. */
  export function createMemoryAdapter(clockToleranceSeconds?: number): AdapterFactory
}
