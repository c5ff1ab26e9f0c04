// What the use cases of payments need from outside the database. Shapes only; api.ts puts them together.
import type { Sealer } from '../../core/seal.ts'
import type { ProviderGateway } from './provider.ts'

export type PaymentServices = {
  readonly gateway: ProviderGateway
  readonly sealer: Sealer
  /** Where providers reach this server, without a path; null when nobody said. */
  readonly publicUrl: string | null
}
