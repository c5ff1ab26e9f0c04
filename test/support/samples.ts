// Owns: what the tests that are generated from the schema are given by each module: `test/<module>/samples.ts` says it.
// What a valid call is made of is recipes.ts's.
import { MODULES } from '../../src/modules.ts'
import type { Api, Session, TenantKey } from './api.ts'

export type Maker = (api: Api, tenant: TenantKey) => Promise<string>

export interface ModuleSamples {
  /** By type: a new record of it, of version 1, where that takes more than its `Create` mutation, or it has none. */
  records: Record<string, Maker>
  /** By an argument's name; one that means something else in one field stands as `mutation orderFulfill: id`. */
  values: Record<string, (api: Api, tenant: TenantKey) => unknown>
  /** By field: what a look-up by one of several arguments is given by rights. */
  lookUps: Record<string, Maker>
  /** By field: what must be so before it does what it is for. */
  beforehand: Record<string, Maker>
  /** By field: who may ask it, where that is no owner. */
  askers: Record<string, (api: Api) => Session | undefined>
  /** By table: the prefix of its rows' ids. */
  prefixes: Record<string, string>
  /** By an argument's name, for those that are no id, cursor or text: what a tenant has there, and what nobody has. */
  foreign: Record<string, { of: (api: Api, tenant: TenantKey) => Promise<unknown>; absent: unknown }>
  /** Columns in which a filled tenant has texts that no other has. */
  telling: readonly string[]
  /** Fields that must be seen to leak without walls. First come those that show a page: calls make rows that come before. */
  sabotaged: readonly string[]
  /** Gives a tenant a few of everything, in every state. */
  fill: (api: Api, tenant: TenantKey) => Promise<void>
}

/** In the order of the modules. Throws for a module whose tests have no samples. */
const ALL: readonly ModuleSamples[] = await Promise.all(
  MODULES.map(async ({ name }) => (await import(`../${name}/samples.ts`)).SAMPLES as ModuleSamples),
)

/** Of all modules together; what a later one says of the same name counts. */
export const SAMPLES: Omit<ModuleSamples, 'fill' | 'sabotaged' | 'telling'> = {
  records: merged(({ records }) => records),
  values: merged(({ values }) => values),
  lookUps: merged(({ lookUps }) => lookUps),
  beforehand: merged(({ beforehand }) => beforehand),
  askers: merged(({ askers }) => askers),
  prefixes: merged(({ prefixes }) => prefixes),
  foreign: merged(({ foreign }) => foreign),
}

export const TELLING = ALL.flatMap(({ telling }) => telling)
export const SABOTAGED = ALL.flatMap(({ sabotaged }) => sabotaged)

function merged<T>(part: (samples: ModuleSamples) => Record<string, T>): Record<string, T> {
  return Object.assign({}, ...ALL.map(part))
}

/** The desk comes last: it looks at what the others left, and seals it. */
export async function fillTenant(api: Api, tenant: TenantKey): Promise<void> {
  for (const { fill } of ALL.toReversed()) await fill(api, tenant)
}
