// What differs between development and production. NODE_ENV is compared only here: everything else asks for a switch.

export const ENVIRONMENT_NAMES = ['development', 'test', 'production'] as const

export type Environment = {
  /** Whether src/development is loaded: its issuer, GraphiQL, the reference, the mailbox, and secrets that are made by themselves. */
  readonly hasDevelopmentTools: boolean
  /** What modules add in development (DevelopmentWiring): demo tenants, the payment sandbox. */
  readonly hasDemo: boolean
  /** The API keys that are made and accepted. */
  readonly keyMode: 'live' | 'test'
  /** Without PUBLIC_URL, payment providers get the URL at which the server listens. */
  readonly guessesPublicUrl: boolean
  /** Mail is sent over TLS or not at all. */
  readonly mailNeedsTls: boolean
  /** GraphQL's messages do not suggest names of fields. */
  readonly hidesSuggestions: boolean
  /** Configurations that would be unsafe are refused: config.ts, `unsafeInProduction`. */
  readonly refusesUnsafeConfig: boolean
  /** Whether pages on this machine, at any port, may read answers without being in CORS_ORIGINS. */
  readonly allowsLoopbackOrigins: boolean
  /** The default of INTROSPECTION. */
  readonly introspection: boolean
  /** The default of DATABASE_STRICT_VERSION. */
  readonly strictVersion: boolean
}

const DEVELOPMENT: Environment = Object.freeze({
  hasDevelopmentTools: true,
  hasDemo: true,
  keyMode: 'test',
  guessesPublicUrl: true,
  mailNeedsTls: false,
  hidesSuggestions: false,
  refusesUnsafeConfig: false,
  allowsLoopbackOrigins: true,
  introspection: true,
  strictVersion: false,
})

const PRODUCTION: Environment = Object.freeze({
  hasDevelopmentTools: false,
  hasDemo: false,
  keyMode: 'live',
  guessesPublicUrl: false,
  mailNeedsTls: true,
  hidesSuggestions: true,
  refusesUnsafeConfig: true,
  allowsLoopbackOrigins: false,
  introspection: false,
  strictVersion: true,
})

/** Of a value of NODE_ENV; default: development. `test` is the same as development. */
export function environmentOf(name: string | undefined): Environment {
  return name === 'production' ? PRODUCTION : DEVELOPMENT
}
