// What a developer's machine has and production does not: src/development. It is loaded here alone, by one switch, and no
// other file refers to it: without the folder the product compiles, and runs in production.
import type { TokenVerifier } from './auth/verify-token.ts'
import type { Config } from './config.ts'
import type { Route } from './edge/http-server.ts'
import type { Mailer } from './mail/mailer.ts'
import type { DemoTenantPeople } from './module.ts'

export type DevelopmentTools = {
  /** The key for sealing without SECRETS_KEY, made at its first use. */
  readonly secretsKey: () => Promise<Uint8Array>
  /** The secret of the tokens of `bulkhead token`, made at its first use. */
  readonly tokenSecret: () => Promise<Uint8Array>
  /** Stores mails in place of sending them. */
  readonly mailbox: Mailer
  /** The issuer, GraphiQL, the reference and the mailbox's page, which answer only this machine. */
  readonly routes: (options: DevelopmentRouteOptions) => Promise<Route>
}

export type DevelopmentRouteOptions = {
  /** Makes the server accept the issuer's tokens. */
  readonly trust: TokenVerifier['trust']
  /** The people offered for signing in. */
  readonly people: () => Promise<readonly DemoTenantPeople[]>
  /** The fields of GraphiQL's first query. */
  readonly firstFields: readonly string[]
  readonly hasMailbox: boolean
}

/** What src/development/index.ts exports. */
export type DevelopmentFolder = {
  readonly openDevelopmentTools: (config: Pick<Config, 'dataDir'>) => DevelopmentTools
}

/** A variable, so that the compiler does not require the folder. */
const FOLDER: string = './development/index.ts'

/** Null in production. */
export async function loadDevelopmentTools(
  config: Pick<Config, 'environment' | 'dataDir'>,
): Promise<DevelopmentTools | null> {
  if (!config.environment.hasDevelopmentTools) return null
  const { openDevelopmentTools } = (await import(FOLDER)) as DevelopmentFolder
  return openDevelopmentTools(config)
}
