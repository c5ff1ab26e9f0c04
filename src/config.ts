// Reads the configuration from the environment: every variable, its rules and its default.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { z } from 'zod'
import { authIssuersSchema, type IssuerConfig } from './auth/token-issuer.ts'
import { ANSWER_BYTES_MAX, BUDGET_CAPACITY, BUDGET_RESTORE_PER_SECOND } from './core/budget-defaults.ts'
import { isEmailAddress, normalizeEmail } from './core/email.ts'
import { isLoopbackHost, isLoopbackOrigin } from './core/loopback.ts'
import { ENVIRONMENT_NAMES, type Environment, environmentOf } from './environments.ts'

export type LogLevel = (typeof LOG_LEVELS)[number]

export interface Config {
  readonly environment: Environment
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** On the loopback only. 0: any free one. */
  readonly metricsPort: number
  /** Absolute. Contains the embedded database and this installation's own secrets. */
  readonly dataDir: string
  readonly database: {
    /** The runtime role's connection string; null: the embedded PostgreSQL. */
    readonly runtimeUrl: string | null
    /** Of the role that runs jobs; null: this process runs none, except on the embedded PostgreSQL. */
    readonly workerUrl: string | null
    /** Null: this process does not migrate. */
    readonly ownerUrl: string | null
    readonly poolMax: number
    readonly namedStatements: boolean
    /** A PostgreSQL release with a known row-level security bug is an error, not a warning. */
    readonly strictVersion: boolean
  }
  readonly issuers: readonly IssuerConfig[]
  /** 32 bytes or more; null only outside production. */
  readonly secretsKey: Uint8Array | null
  /** Earlier values of `secretsKey`: they open what they sealed, and seal nothing. */
  readonly previousSecretsKeys: readonly Uint8Array[]
  /** The URL at which payment providers reach this server, without a path; null: not configured. */
  readonly publicUrl: string | null
  /** Addresses and networks of proxies whose X-Forwarded-For is trusted. */
  readonly trustedProxies: readonly string[]
  /** The origins of pages that may read answers; outside production also any of this machine. */
  readonly corsOrigins: readonly string[]
  readonly payments: {
    /** 0: any free one. */
    readonly sandboxPort: number
    /** A Stripe test account for the demo tenants, in place of the sandbox; null: the sandbox. */
    readonly stripe: { readonly secretKey: string; readonly webhookSecret: string | null } | null
  }
  /** Null: not configured. Outside production mail then goes to the mailbox page; in production there is none. */
  readonly mail: { readonly smtpUrl: string; readonly from: string } | null
  /** The page where an invited person accepts; null: mails contain no link. */
  readonly invitationUrl: string | null
  readonly introspection: boolean
  /** `path`: a manifest, or a folder of them, absolute; `only`: all other documents are refused. Null: none. */
  readonly trustedDocuments: { readonly path: string; readonly only: boolean } | null
  /** The cost budget of each tenant, in points. */
  readonly budget: { readonly capacity: number; readonly restorePerSecond: number }
  /** The maximum size of an answer of /graphql. */
  readonly answerBytesMax: number
  /** Jobs that this process runs at once; 0: none. */
  readonly jobsConcurrency: number
  readonly logLevel: LogLevel
}

/** All errors of the configuration at once, one line each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`The configuration has ${problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`}:`)
    this.problems = problems
  }
}

type Variables = Readonly<Record<string, string | undefined>>

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
const PORT_MAX = 65_535
const POOL_CONNECTIONS_MAX = 500
const POINTS_MAX = 100_000_000
/**
 * A smaller answer has no room for a page of rows; a larger one is held in memory several times while it is made and
 * sent.
 */
const ANSWER_BYTES_MIN = 65_536
const ANSWER_BYTES_LIMIT = 128 * 1_048_576
const JOBS_CONCURRENCY_MAX = 100
const SECRET_BYTES_MIN = 32
/** Of 32 random bytes about 30 differ; with half of that the secret was typed, or is a pattern. */
const SECRET_DISTINCT_BYTES_MIN = 16
const DEFAULT_LOOKING_PASSWORDS: ReadonlySet<string> = new Set(
  'admin bulkhead change-me changeme example password postgres root secret test'.split(' '),
)

const choice = <const Values extends readonly string[]>(values: Values, fallback: Values[number]) =>
  z.enum(values, { error: `must be ${oneOf(values)}` }).default(fallback)

const wholeNumber = (min: number, max: number, fallback: number) =>
  z
    .string()
    .refine(
      (text) => /^\d{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max,
      `must be a whole number from ${min} to ${max}`,
    )
    .default(String(fallback))
    .transform(Number)

const yesOrNo = () =>
  z.enum(['true', 'false'], { error: 'must be true or false' }).transform((text) => text === 'true')

const postgresUrl = () =>
  z.string().refine(isPostgresUrl, 'must have the form postgresql://role:password@host:port/database')

const secret = () =>
  z
    .string()
    .refine(isBase64, { error: 'must be base64 (make one with: openssl rand -base64 32)', abort: true })
    .transform((text) => new Uint8Array(Buffer.from(text, 'base64')))
    .refine((bytes) => bytes.length >= SECRET_BYTES_MIN, {
      error: `must hold at least ${SECRET_BYTES_MIN} bytes`,
      abort: true,
    })
    .refine(looksRandom, 'must be random, not a phrase or a pattern (make one with: openssl rand -base64 32)')

/** Several, separated by commas. */
const secrets = () => z.string().transform(partsOf).pipe(z.array(secret()))

const origin = () =>
  z
    .string()
    .refine(isOrigin, 'must be an address without a path, as in https://shop.example.com')
    .transform((text) => new URL(text).origin)

/** Several, separated by commas. */
const networks = () =>
  z
    .string()
    .transform(partsOf)
    .refine(
      (parts) => parts.every((part) => network.safeParse(part).success),
      'must hold addresses or networks, as in 10.0.0.0/8, 192.0.2.7',
    )

/** Origins of pages, separated by commas, as browsers write them in the Origin header. */
const pageOrigins = () =>
  z
    .string()
    .transform(partsOf)
    .pipe(
      z.array(
        z
          .string()
          .refine((text) => !text.includes('*'), {
            error:
              'must be one exact origin, as in https://admin.example.com: name each, there are no patterns',
            abort: true,
          })
          .refine(isOrigin, 'must be an origin, without a path, as in https://admin.example.com')
          .transform((text) => new URL(text).origin),
      ),
    )

const environmentSchema = z.object({
  NODE_ENV: choice(ENVIRONMENT_NAMES, 'development'),
  HOST: z
    .string()
    .regex(/^[\w.:-]+$/, 'must be a host name or an address')
    .default('127.0.0.1'),
  PORT: wholeNumber(0, PORT_MAX, 4000),
  METRICS_PORT: wholeNumber(0, PORT_MAX, 9464),
  DATA_DIR: z.string().default('.data'),
  DATABASE_URL: postgresUrl().optional(),
  DATABASE_OWNER_URL: postgresUrl().optional(),
  DATABASE_WORKER_URL: postgresUrl().optional(),
  DATABASE_ENGINE: choice(['postgres', 'citus'], 'postgres').refine(
    (engine) => engine !== 'citus',
    'must be postgres: this version of Bulkhead does not support Citus yet',
  ),
  DATABASE_POOL_MAX: wholeNumber(1, POOL_CONNECTIONS_MAX, 10),
  DATABASE_NAMED_STATEMENTS: yesOrNo().default(true),
  DATABASE_STRICT_VERSION: yesOrNo().optional(),
  ALLOW_EMBEDDED_IN_PRODUCTION: yesOrNo().default(false),
  AUTH_ISSUERS: authIssuersSchema.default([]),
  SECRETS_KEY: secret().optional(),
  SECRETS_KEY_PREVIOUS: secrets().default([]),
  PUBLIC_URL: origin().optional(),
  TRUSTED_PROXIES: networks().default([]),
  CORS_ORIGINS: pageOrigins().default([]),
  SANDBOX_PORT: wholeNumber(0, PORT_MAX, 0),
  STRIPE_SECRET_KEY: z
    .string()
    .regex(
      /^(sk|rk)_test_\w+$/,
      'must be a test key (sk_test_… or rk_test_…): merchants connect their own accounts',
    )
    .optional(),
  STRIPE_WEBHOOK_SECRET: z
    .string()
    .regex(/^whsec_\S+$/, 'must start with whsec_')
    .optional(),
  SMTP_URL: z
    .string()
    .refine(isSmtpUrl, 'must have the form smtp://user:password@host:587, or smtps://…')
    .optional(),
  MAIL_FROM: z.string().refine(isSender, 'must be an address, as in Shop <mail@shop.example.com>').optional(),
  INVITATION_URL: z
    .string()
    .refine(isPage, 'must be the address of a page, without a fragment, as in https://shop.example.com/join')
    .optional(),
  INTROSPECTION: yesOrNo().optional(),
  TRUSTED_DOCUMENTS: z.string().optional(),
  TRUSTED_DOCUMENTS_ONLY: yesOrNo().default(false),
  COST_CAPACITY: wholeNumber(1, POINTS_MAX, BUDGET_CAPACITY),
  COST_RESTORE_PER_SECOND: wholeNumber(1, POINTS_MAX, BUDGET_RESTORE_PER_SECOND),
  ANSWER_BYTES_MAX: wholeNumber(ANSWER_BYTES_MIN, ANSWER_BYTES_LIMIT, ANSWER_BYTES_MAX),
  JOBS_CONCURRENCY: wholeNumber(0, JOBS_CONCURRENCY_MAX, 4),
  LOG_LEVEL: choice(LOG_LEVELS, 'info'),
})

/** The names of all variables, as listed in `.env.example`. */
export const VARIABLE_NAMES: readonly string[] = Object.keys(environmentSchema.shape)

export type ParseOptions = {
  /** For work that is the same in development and in production: NODE_ENV may be unset. */
  readonly inAnyEnvironment?: boolean
}

/** The configuration of this process: its environment, over the `.env` of its working directory. Throws ConfigError. */
export function loadConfig(options: ParseOptions = {}): Config {
  return parseConfig({ ...readEnvFile(), ...process.env }, options)
}

/** The typed configuration of an environment, frozen. An empty value counts as absent. Throws ConfigError. */
export function parseConfig(variables: Variables, { inAnyEnvironment = false }: ParseOptions = {}): Config {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value))
  const parsed = environmentSchema.safeParse(given)
  const problems = [...mistakes(given, parsed.error), ...contradictions(given)]
  const environment = environmentOf(given.NODE_ENV)
  if (environment.refusesUnsafeConfig) problems.push(...unsafeInProduction(given))
  if (given.NODE_ENV === undefined && !inAnyEnvironment) problems.push(...guessedDevelopment(given))
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems)
  const values = parsed.data
  return Object.freeze({
    environment,
    host: values.HOST,
    port: values.PORT,
    metricsPort: values.METRICS_PORT,
    dataDir: resolve(values.DATA_DIR),
    database: Object.freeze({
      runtimeUrl: values.DATABASE_URL ?? null,
      ownerUrl: values.DATABASE_OWNER_URL ?? null,
      workerUrl: values.DATABASE_WORKER_URL ?? null,
      poolMax: values.DATABASE_POOL_MAX,
      namedStatements: values.DATABASE_NAMED_STATEMENTS,
      strictVersion: values.DATABASE_STRICT_VERSION ?? environment.strictVersion,
    }),
    issuers: Object.freeze(values.AUTH_ISSUERS),
    secretsKey: values.SECRETS_KEY ?? null,
    previousSecretsKeys: Object.freeze(values.SECRETS_KEY_PREVIOUS),
    publicUrl: values.PUBLIC_URL ?? null,
    trustedProxies: Object.freeze(values.TRUSTED_PROXIES),
    corsOrigins: Object.freeze(values.CORS_ORIGINS),
    payments: Object.freeze({
      sandboxPort: values.SANDBOX_PORT,
      stripe:
        values.STRIPE_SECRET_KEY === undefined
          ? null
          : { secretKey: values.STRIPE_SECRET_KEY, webhookSecret: values.STRIPE_WEBHOOK_SECRET ?? null },
    }),
    mail: values.SMTP_URL === undefined ? null : { smtpUrl: values.SMTP_URL, from: values.MAIL_FROM ?? '' },
    invitationUrl: values.INVITATION_URL ?? null,
    introspection: values.INTROSPECTION ?? environment.introspection,
    trustedDocuments:
      values.TRUSTED_DOCUMENTS === undefined
        ? null
        : { path: resolve(values.TRUSTED_DOCUMENTS), only: values.TRUSTED_DOCUMENTS_ONLY },
    budget: Object.freeze({
      capacity: values.COST_CAPACITY,
      restorePerSecond: values.COST_RESTORE_PER_SECOND,
    }),
    answerBytesMax: values.ANSWER_BYTES_MAX,
    jobsConcurrency: values.JOBS_CONCURRENCY,
    logLevel: values.LOG_LEVEL,
  })
}

function readEnvFile(): Variables {
  try {
    return parseEnv(readFileSync('.env', 'utf8'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {}
    throw new ConfigError([
      `.env: cannot be read (${error instanceof Error ? error.message : 'unknown error'})`,
    ])
  }
}

/** Variables whose value may be printed; the value of any other could be a secret in the wrong place. */
const SHOWN: ReadonlySet<string> = new Set(
  'NODE_ENV PORT METRICS_PORT DATABASE_POOL_MAX DATABASE_NAMED_STATEMENTS DATABASE_STRICT_VERSION ALLOW_EMBEDDED_IN_PRODUCTION INTROSPECTION TRUSTED_DOCUMENTS_ONLY COST_CAPACITY COST_RESTORE_PER_SECOND ANSWER_BYTES_MAX JOBS_CONCURRENCY SANDBOX_PORT LOG_LEVEL'.split(
    ' ',
  ),
)

function mistakes(given: Variables, error: z.ZodError | undefined): string[] {
  return (error?.issues ?? []).map(({ path, message }) => {
    const [variable = '', ...rest] = path.map(String)
    const place = rest.map((key) => (/^\d+$/.test(key) ? `[${key}]` : `.${key}`)).join('')
    return `${variable}${place}: ${message}${SHOWN.has(variable) ? `, not "${given[variable]}"` : ''}`
  })
}

function contradictions(given: Variables): string[] {
  const problems: string[] = []
  for (const name of ['DATABASE_OWNER_URL', 'DATABASE_WORKER_URL']) {
    if (!given[name] || given.DATABASE_URL) continue
    problems.push(`DATABASE_URL: is required beside ${name}: the server connects only as the runtime role`)
  }
  if (given.STRIPE_WEBHOOK_SECRET && !given.STRIPE_SECRET_KEY) {
    problems.push('STRIPE_SECRET_KEY: is required beside STRIPE_WEBHOOK_SECRET')
  }
  if (given.TRUSTED_DOCUMENTS_ONLY === 'true' && !given.TRUSTED_DOCUMENTS) {
    problems.push('TRUSTED_DOCUMENTS: is required beside TRUSTED_DOCUMENTS_ONLY: no document could run')
  }
  if (given.SMTP_URL && !given.MAIL_FROM) {
    problems.push('MAIL_FROM: is required beside SMTP_URL')
  }
  return problems
}

/**
 * Development authenticates anybody as anybody, so it is the default only for a first try, never for a server that
 * others can reach.
 */
function guessedDevelopment(given: Variables): string[] {
  const signs = [
    given.DATABASE_URL !== undefined && 'DATABASE_URL',
    hasForeignIssuer(given.AUTH_ISSUERS) && 'AUTH_ISSUERS',
    given.PUBLIC_URL !== undefined && 'PUBLIC_URL',
    given.TRUSTED_PROXIES !== undefined && 'TRUSTED_PROXIES',
    given.CORS_ORIGINS !== undefined && 'CORS_ORIGINS',
    given.HOST !== undefined && !isLoopbackHost(given.HOST) && 'HOST',
    given.ALLOW_EMBEDDED_IN_PRODUCTION === 'true' && 'ALLOW_EMBEDDED_IN_PRODUCTION',
  ].filter((name) => name !== false)
  if (signs.length === 0) return []
  return [
    `NODE_ENV: must be set beside ${signs.join(', ')}: to production, or to development, where anybody who reaches ` +
      'this server may sign in as anybody',
  ]
}

/** Whether an issuer is on another machine, or the value cannot be parsed. */
function hasForeignIssuer(json: string | undefined): boolean {
  if (json === undefined) return false
  const issuers = authIssuersSchema.safeParse(json)
  return !issuers.success || issuers.data.some(({ issuer }) => !isLoopbackOrigin(issuer))
}

function unsafeInProduction(given: Variables): string[] {
  const problems: string[] = []
  if (!given.AUTH_ISSUERS || /^\s*\[\s*\]\s*$/.test(given.AUTH_ISSUERS)) {
    problems.push('AUTH_ISSUERS: is required in production, where there is no development issuer')
  }
  if (!given.SECRETS_KEY) {
    problems.push('SECRETS_KEY: is required in production (make one with: openssl rand -base64 32)')
  }
  for (const name of ['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET']) {
    if (!given[name]) continue
    problems.push(`${name}: is for development; in production each merchant connects its own account`)
  }
  for (const [index, text] of partsOf(given.CORS_ORIGINS ?? '').entries()) {
    if (!isOrigin(text) || text.startsWith('https:') || isLoopbackOrigin(text)) continue
    problems.push(`CORS_ORIGINS[${index}]: must be https in production: its page has people's tokens`)
  }
  if (given.INVITATION_URL && isPage(given.INVITATION_URL) && !given.INVITATION_URL.startsWith('https:')) {
    problems.push('INVITATION_URL: must be https in production: the link contains a secret token')
  }
  if (!given.DATABASE_URL && !given.DATABASE_OWNER_URL && given.ALLOW_EMBEDDED_IN_PRODUCTION !== 'true') {
    problems.push(
      'DATABASE_URL: is required in production; to run on the embedded PostgreSQL, whose backups are then yours to ' +
        'make, set ALLOW_EMBEDDED_IN_PRODUCTION=true',
    )
  }
  for (const name of ['DATABASE_URL', 'DATABASE_OWNER_URL', 'DATABASE_WORKER_URL']) {
    if (hasDefaultPassword(given[name])) {
      problems.push(`${name}: has a password that is easy to guess; give the role a random one`)
    }
  }
  return problems
}

/** A URL without a password is fine: the role may use a certificate or a socket. */
function hasDefaultPassword(text: string | undefined): boolean {
  const url = text === undefined ? null : URL.parse(text)
  if (url === null || url.password === '') return false
  const password = decode(url.password).toLowerCase()
  return password === decode(url.username).toLowerCase() || DEFAULT_LOOKING_PASSWORDS.has(password)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function isPostgresUrl(text: string): boolean {
  const url = URL.parse(text)
  return (
    url !== null && /^postgres(ql)?:$/.test(url.protocol) && url.username !== '' && url.pathname.length > 1
  )
}

function isOrigin(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`
}

function isSmtpUrl(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && /^smtps?:$/.test(url.protocol) && url.hostname !== ''
}

/** A URL to which a fragment can be added, without a user name or password. */
function isPage(text: string): boolean {
  const url = URL.parse(text)
  return (
    url !== null &&
    /^https?:$/.test(url.protocol) &&
    !text.includes('#') &&
    `${url.username}${url.password}` === ''
  )
}

/** The items of a comma-separated list. */
function partsOf(text: string): string[] {
  return text.split(',').map((part) => part.trim())
}

const network = z.union([z.ipv4(), z.cidrv4(), z.ipv6(), z.cidrv6()])

/** An address, with an optional name: `Shop <mail@shop.example.com>`. */
function isSender(text: string): boolean {
  const [, inBrackets, alone] = /^(?:[^<>@\p{Cc}]*<([^<>]+)>|([^<>]+))$/u.exec(text) ?? []
  return isEmailAddress(normalizeEmail(inBrackets ?? alone ?? ''))
}

function isBase64(text: string): boolean {
  return /^[\w+/-]+={0,2}$/.test(text)
}

function looksRandom(bytes: Uint8Array): boolean {
  const isText = bytes.every((byte) => byte >= 0x20 && byte < 0x7f)
  return !isText && new Set(bytes).size >= SECRET_DISTINCT_BYTES_MIN
}

function oneOf(values: readonly string[]): string {
  return `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`
}

/** This process's environment and `more`: for a program that a person works with, and that reads settings of its own. */
export function environmentWith(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { ...process.env, ...more }
}
