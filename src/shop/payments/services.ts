// What the use cases of payments need from outside the database. Types only; runtime.ts builds the objects.
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
  /** The address at which providers reach this server, without a path; null when it is not configured. */
  readonly publicUrl: string | null
}
