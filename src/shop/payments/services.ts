// What the use cases of payments need from outside the database. Shapes only; runtime.ts puts them together.
import type { Sealer } from '../../core/seal.ts'
import type { ProviderGateway } from './provider.ts'

declare module '../../graphql/context.ts' {
  interface Services {
    readonly payments: PaymentServices
  }
}

export type PaymentServices = {
  readonly gateway: ProviderGateway
  readonly sealer: Sealer
  /** Where providers reach this server, without a path; null when nobody said. */
  readonly publicUrl: string | null
}
