// The definition of a module: what it adds to the rooms below it. modules.ts lists the modules.
import type { Command } from 'commander'
import type { CommandContext } from './auth/command-context.ts'
import type { Permission } from './auth/permissions.ts'
import type { Config } from './config.ts'
import type { Clock } from './core/clock.ts'
import type { Logger } from './core/logger.ts'
import type { Sealer } from './core/seal.ts'
import type { ColumnRules } from './db/column-rules.ts'
import type { Database } from './db/database.ts'
import type { Route } from './edge/http-server.ts'
import type { Services } from './graphql/context.ts'
import type { Check } from './integrity/check.ts'
import type { OutsideCheck, OutsideOptions, VerifiedTenant } from './integrity/verify.ts'
import type { Schedule } from './jobs/run-schedule.ts'
import type { Task } from './jobs/task.ts'
import type { Metrics } from './telemetry/metrics.ts'

/** Fast to load: a module's wiring is loaded when it is needed. */
export type Module = {
  readonly name: string
  /** Its commands of `bulkhead`, besides the platform's. */
  readonly commands: (cli: CommandLine) => readonly Command[]
  /** Columns that change in a restored tenant, by table. */
  readonly columnRules: ColumnRules
  /** Tables whose rows are written once. */
  readonly appendOnly: readonly string[]
  readonly load: () => Promise<ModuleWiring>
}

/** What a module's command gets. */
export type CommandLine = {
  /** An action with the configuration; its errors become one line and an exit code. */
  action<Arguments extends unknown[]>(
    work: (config: Config, ...parameters: Arguments) => Promise<void>,
  ): (...parameters: Arguments) => Promise<void>
  /** Prints text, or JSON. */
  report(options: { json?: boolean }, json: unknown, text: string): void
  parseSlug(text: string): string
  /** Throws NOT_FOUND for an unknown slug. */
  inTenant<T>(
    config: Config,
    slug: string,
    work: (context: CommandContext, services: Services) => Promise<T>,
  ): Promise<T>
}

export type ModuleWiring = {
  /** Loads its types, queries and mutations, which add themselves to the builder. */
  readonly loadGraphql: () => Promise<unknown>
  /** Its part of the services. */
  readonly openServices: (environment: ModuleEnvironment) => Partial<Services>
  readonly routes: readonly Route[]
  readonly tasks: (needs: TaskServices) => readonly Task[]
  /** Must equal the table app.tasks, which enforces it: the doctor compares the two. */
  readonly queuedBy: QueuedBy
  /** For each active tenant: cron patterns, UTC. */
  readonly schedule: Schedule
  /** Its integrity checks of a tenant's rows. */
  readonly checks: readonly Check[]
  /** Its integrity checks beyond them. */
  readonly outsideChecks: (
    tenant: VerifiedTenant,
    services: Services,
    options: OutsideOptions,
  ) => readonly OutsideCheck[]
  /** After a change of SECRETS_KEY: seals a tenant's secrets again; returns how many. */
  readonly reseal: (context: CommandContext, services: Services) => Promise<number>
  readonly development: DevelopmentWiring
}

export type ModuleEnvironment = {
  readonly config: Config
  readonly sealer: Sealer
  /** Of the companion, if one runs. */
  readonly companionUrl: string | null
  /** The URL at which this server is reached from outside; null while it is unknown. */
  readonly publicUrl: () => string | null
}

/** What a job may need besides its caller. */
export type TaskServices = { readonly services: Services; readonly metrics: Metrics }

/** By the task's name: the permissions of which a caller needs one to queue it. `system`: only the system queues it. */
export type QueuedBy = Readonly<Record<string, readonly (Permission | 'system')[]>>

/** What a module adds on a developer's machine, and never in production. */
export type DevelopmentWiring = {
  readonly companion: Companion | null
  /** Makes missing demo tenants. */
  readonly seed:
    | ((options: { readonly ownerUrl: string; readonly logger: Logger }) => Promise<SeedReport>)
    | null
  /** The people that the development issuer offers. */
  readonly people: (() => Promise<readonly DemoTenantPeople[]>) | null
  /** Root fields of the first query in GraphiQL, besides `viewer`; empty: none. */
  readonly firstFields: string
  /** Called once the server listens. */
  readonly whenListening: ((runtime: DevelopmentRuntime, config: Config) => Promise<void>) | null
}

export type SeedReport = {
  /** Tenants made by this call. */
  readonly tenants: number
  /** Rows written by this call. */
  readonly rows: number
  /** True when the demo tenants existed already. */
  readonly skipped: boolean
}

export type DemoTenantPeople = {
  readonly slug: string
  readonly name: string
  readonly members: readonly { readonly email: string; readonly name: string; readonly role: string }[]
}

type DevelopmentRuntime = {
  readonly database: Database
  readonly services: Services
  readonly clock: Clock
  readonly logger: Logger
}

/** A process that the server runs beside itself, such as a payment provider's sandbox. */
export type Companion = {
  /** For messages: `the payment sandbox`. */
  readonly name: string
  isWanted(config: Config): boolean
  start(config: Config): Promise<RunningCompanion>
  /** The URL of the running server's companion; null: there is none. */
  find(config: Config): Promise<string | null>
  /** Starts it on its stored data for the duration of a command; null where there is none. */
  startForCommand(config: Config): Promise<RunningCompanion | null>
}

export type RunningCompanion = {
  readonly url: string
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>
  stop(): Promise<void>
}

const NO_WIRING: ModuleWiring = {
  loadGraphql: async () => {},
  openServices: () => ({}),
  routes: [],
  tasks: () => [],
  queuedBy: {},
  schedule: [],
  checks: [],
  outsideChecks: () => [],
  reseal: async () => 0,
  development: { companion: null, seed: null, people: null, firstFields: '', whenListening: null },
}

export function defineModule(module: Pick<Module, 'name' | 'load'> & Partial<Module>): Module {
  return { commands: () => [], columnRules: {}, appendOnly: [], ...module }
}

export function moduleWiring(wiring: Partial<ModuleWiring>): ModuleWiring {
  return { ...NO_WIRING, ...wiring }
}
