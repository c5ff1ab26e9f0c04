// What the package's own types leave out.
declare module 'oidc-provider/lib/adapters/memory_adapter.js' {
  import type { AdapterFactory } from 'oidc-provider'

  /** Keeps the 1,000 records that were last used, and none past its time. */
  export function createMemoryAdapter(clockToleranceSeconds?: number): AdapterFactory
}
