// Owns: what the tests must be told of each module before there is a server: `test/<module>/setup.ts` says it. What is
// asked of the server afterwards is samples.ts's.

import type pg from 'pg'
import type { Services } from '../../src/graphql/context.ts'
import type { ModuleEnvironment } from '../../src/module.ts'
import { MODULES } from '../../src/modules.ts'
import type { FixtureTenant } from './two-tenants.ts'

export type Right = 'select' | 'insert' | 'update' | 'delete'

export interface ModuleSetup {
  /** By table: columns whose values cannot be made up of their type and checks, and those that tests know. */
  ownValues: Record<string, Record<string, (tenant: FixtureTenant, n: number) => string>>
  /** By table: the runtime role's rights, where they are not the usual four and the table is not append-only. */
  rights: Record<string, readonly Right[]>
  /** By table: a column that the runtime role may update, where it may not update all of them. */
  updatable: Record<string, string>
  /** Tables whose deferred triggers refuse rows that are made up one by one. */
  uncheckedTables: readonly string[]
  /** Makes a tenant's made-up rows such as these triggers want them. A superuser's connection, in a transaction. */
  mendRows: (client: pg.Client, tenantId: string) => Promise<void>
  /** Its part of the services. */
  services: (environment: Omit<ModuleEnvironment, 'config'>) => Partial<Services>
}

/** In the order of the modules. Throws for a module whose tests have no setup. */
export const SETUPS: readonly ModuleSetup[] = await Promise.all(
  MODULES.map(async ({ name }) => (await import(`../${name}/setup.ts`)).SETUP as ModuleSetup),
)

export const OWN_VALUES: ModuleSetup['ownValues'] = Object.assign({}, ...SETUPS.map((one) => one.ownValues))
export const RIGHTS: ModuleSetup['rights'] = Object.assign({}, ...SETUPS.map((one) => one.rights))
export const UPDATABLE: ModuleSetup['updatable'] = Object.assign({}, ...SETUPS.map((one) => one.updatable))
export async function mendRows(client: pg.Client, tenantId: string): Promise<void> {
  for (const setup of SETUPS) await setup.mendRows(client, tenantId)
}

export const UNCHECKED_TABLES = SETUPS.flatMap(({ uncheckedTables }) => uncheckedTables)
