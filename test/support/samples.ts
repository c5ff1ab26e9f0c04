// What each module gives the tests that are generated from the schema, from `test/<module>/samples.ts`. recipes.ts builds
// valid calls from it.
import { MODULES } from '../../src/modules.ts'
import type { Api, Session, TenantKey } from './api.ts'
import { moduleFile } from './module-file.ts'

export type Maker = (api: Api, tenant: TenantKey) => Promise<string>

export interface ModuleSamples {
  /** By type: makes a record of version 1, for types whose `Create` mutation is missing or does not suffice. */
  records: Record<string, Maker>
  /** A valid value by the argument's name, or for one field by `mutation orderFulfill: id`. */
  values: Record<string, (api: Api, tenant: TenantKey) => unknown>
  /** By field: the id to pass to a look-up that takes one of several arguments. */
  lookUps: Record<string, Maker>
  /** By field: what to do before the call, so that it succeeds. */
  beforehand: Record<string, Maker>
  /** By field: the session that calls it, if not the owner's. */
  askers: Record<string, (api: Api) => Session | undefined>
  /** By table: the prefix of its rows' ids. */
  prefixes: Record<string, string>
  /** By argument name, for arguments that are no id, cursor or text: a tenant's own value, and one that no tenant has. */
  foreign: Record<string, { of: (api: Api, tenant: TenantKey) => Promise<unknown>; absent: unknown }>
  /** Columns in which `fill` gives a tenant texts that the other tenant lacks. */
  telling: readonly string[]
  /** Fields that must leak without walls. Fields that show a page come first: later calls add rows before A's. */
  sabotaged: readonly string[]
  /** How many cases of these kinds the generated tests find in the module at least, so that none of them is empty. */
  least: Record<'letThrough' | 'unread', number>
  /** Fields that graphql-js alone resolves, such as `Order.timeline`, each with the reason. */
  notCompiled: Record<string, string>
  /**
   * Fields whose value is another in another database with the same rows, or at another time: they tell of something outside, or of
   * chance.
   */
  unlike: readonly string[]
  /** Makes a few records of every type in every state. */
  fill: (api: Api, tenant: TenantKey) => Promise<void>
}

/** What holds for a module whose tests have no samples: its arguments' types say what is valid. */
const PLAIN: ModuleSamples = {
  records: {},
  values: {},
  lookUps: {},
  beforehand: {},
  askers: {},
  prefixes: {},
  foreign: {},
  telling: [],
  sabotaged: [],
  least: { letThrough: 0, unread: 0 },
  notCompiled: {},
  unlike: [],
  fill: async () => {},
}

/** In the order of the modules. */
const ALL: readonly ModuleSamples[] = await Promise.all(
  MODULES.map(
    async ({ name }) =>
      ((await moduleFile(name, 'samples.ts'))?.SAMPLES as ModuleSamples | undefined) ?? PLAIN,
  ),
)

/** Of all modules; for equal names the later module wins. */
export const SAMPLES: Omit<ModuleSamples, 'fill' | 'least' | 'sabotaged' | 'telling' | 'unlike'> = {
  records: merged(({ records }) => records),
  values: merged(({ values }) => values),
  lookUps: merged(({ lookUps }) => lookUps),
  beforehand: merged(({ beforehand }) => beforehand),
  askers: merged(({ askers }) => askers),
  prefixes: merged(({ prefixes }) => prefixes),
  foreign: merged(({ foreign }) => foreign),
  notCompiled: merged(({ notCompiled }) => notCompiled),
}

/** Mutations that the process allows a VIEWER in this test, and only the second wall refuses. */
export const LET_THROUGH_MIN = sumOf(({ least }) => least.letThrough)
/** Mutations whose permission does not read the record that they show. */
export const UNREAD_MIN = sumOf(({ least }) => least.unread)
export const TELLING = ALL.flatMap(({ telling }) => telling)
export const UNLIKE: ReadonlySet<string> = new Set(ALL.flatMap(({ unlike }) => unlike))
export const SABOTAGED = ALL.flatMap(({ sabotaged }) => sabotaged)

function sumOf(part: (samples: ModuleSamples) => number): number {
  return ALL.reduce((sum, samples) => sum + part(samples), 0)
}

function merged<T>(part: (samples: ModuleSamples) => Record<string, T>): Record<string, T> {
  return Object.assign({}, ...ALL.map(part))
}

/** In reverse order: the desk seals the audit entries and exports the rows that the others make. */
export async function fillTenant(api: Api, tenant: TenantKey): Promise<void> {
  for (const { fill } of ALL.toReversed()) await fill(api, tenant)
}
