// What the tests need to know of each module before a server runs, from `test/<module>/setup.ts`. samples.ts has what they
// ask the server.

import type pg from 'pg'
import type { Right } from '../../src/db/proof/statements.ts'
import type { OwnValues } from '../../src/db/proof/tenants.ts'
import type { Services } from '../../src/graphql/context.ts'
import type { ModuleEnvironment } from '../../src/module.ts'
import { MODULES } from '../../src/modules.ts'
import { moduleFile } from './module-file.ts'

export interface ModuleSetup {
  /** By table and column: values that cannot be generated from the type and the checks, or that tests refer to. */
  ownValues: OwnValues
  /** By table: the rights of the runtime role, for tables with other than all four that are not append-only. */
  rights: Record<string, readonly Right[]>
  /** By table: a column that the runtime role may update, for tables where it may not update all columns. */
  updatable: Record<string, string>
  /** Tables whose deferred triggers reject generated rows. */
  uncheckedTables: readonly string[]
  /** Changes a tenant's generated rows so that these triggers accept them. `client`: a superuser, in a transaction. */
  mendRows: (client: pg.Client, tenantId: string) => Promise<void>
  /** The module's part of the services. */
  services: (environment: Omit<ModuleEnvironment, 'config'>) => Partial<Services>
}

/** What holds for a module whose tests have no setup. */
const PLAIN: ModuleSetup = {
  ownValues: {},
  rights: {},
  updatable: {},
  uncheckedTables: [],
  mendRows: async () => {},
  services: () => ({}),
}

/** In the order of the modules. */
export const SETUPS: readonly ModuleSetup[] = await Promise.all(
  MODULES.map(
    async ({ name }) => ((await moduleFile(name, 'setup.ts'))?.SETUP as ModuleSetup | undefined) ?? PLAIN,
  ),
)

export const OWN_VALUES: ModuleSetup['ownValues'] = Object.assign({}, ...SETUPS.map((one) => one.ownValues))
export const RIGHTS: ModuleSetup['rights'] = Object.assign({}, ...SETUPS.map((one) => one.rights))
export const UPDATABLE: ModuleSetup['updatable'] = Object.assign({}, ...SETUPS.map((one) => one.updatable))
export async function mendRows(client: pg.Client, tenantId: string): Promise<void> {
  for (const setup of SETUPS) await setup.mendRows(client, tenantId)
}

export const UNCHECKED_TABLES = SETUPS.flatMap(({ uncheckedTables }) => uncheckedTables)
