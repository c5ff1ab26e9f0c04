// The environment's variables, and the reporting of errors in them.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { describe, expect, it } from 'vitest'
import { ConfigError, parseConfig, VARIABLE_NAMES } from '../../src/config.ts'

const SECRETS_KEY = randomBytes(32).toString('base64')
const AUTH_ISSUERS = JSON.stringify([
  {
    issuer: 'https://id.example.com',
    jwksUri: 'https://id.example.com/jwks.json',
    audience: 'bulkhead',
    algorithms: ['RS256'],
    tenantClaim: 'tenant',
  },
])
const DATABASE_URL = 'postgresql://app:nPjzU31bNcZ@db.internal:5432/bulkhead'
/** For settings beyond a first try. */
const DEVELOPMENT = { NODE_ENV: 'development' }
const PRODUCTION = { NODE_ENV: 'production', SECRETS_KEY, AUTH_ISSUERS, DATABASE_URL }

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    parseConfig(environment)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

/** The errors in development, set explicitly. */
const problemsInDevelopment = (environment: Record<string, string>) =>
  problemsOf({ ...DEVELOPMENT, ...environment })

/** The names of the variables with errors. */
function offendersOf(environment: Record<string, string>): string[] {
  return problemsOf(environment).map((problem) => problem.replace(/[:.[].*/, ''))
}

describe('the configuration', () => {
  it('needs nothing for a first start', () => {
    expect(parseConfig({})).toMatchObject({
      environment: { hasDevelopmentTools: true, hasDemo: true, keyMode: 'test', mailNeedsTls: false },
      host: '127.0.0.1',
      port: 4000,
      dataDir: resolve('.data'),
      database: { runtimeUrl: null, ownerUrl: null, namedStatements: true },
      introspection: true,
    })
  })

  it('reads an empty value as an absent one', () => {
    expect(parseConfig({ PORT: '', DATABASE_URL: '' })).toEqual(parseConfig({}))
  })

  it('reports all mistakes at once, one line each, by name', () => {
    const offenders = offendersOf({
      NODE_ENV: 'staging',
      PORT: '4000a',
      METRICS_PORT: '65536',
      HOST: 'no such host',
      DATABASE_URL: 'mysql://app@db/x',
      DATABASE_POOL_MAX: '0',
      DATABASE_NAMED_STATEMENTS: 'yes',
      AUTH_ISSUERS: '{',
      SECRETS_KEY: 'c2hvcnQ=',
      LOG_LEVEL: 'loud',
    })
    expect(offenders).toEqual([
      'NODE_ENV',
      'HOST',
      'PORT',
      'METRICS_PORT',
      'DATABASE_URL',
      'DATABASE_POOL_MAX',
      'DATABASE_NAMED_STATEMENTS',
      'AUTH_ISSUERS',
      'SECRETS_KEY',
      'LOG_LEVEL',
    ])
    expect(problemsOf({ PORT: '4000a' })).toEqual([
      'PORT: must be a whole number from 0 to 65535, not "4000a"',
    ])
  })

  it('points into AUTH_ISSUERS', () => {
    const issuers = JSON.parse(AUTH_ISSUERS)
    issuers[0].jwksUri = 'http://id.example.com/jwks.json'
    expect(problemsInDevelopment({ AUTH_ISSUERS: JSON.stringify(issuers) })).toEqual([
      expect.stringMatching(/^AUTH_ISSUERS\[0\]\.jwksUri: must be an https address/),
    ])
  })

  it('an issuer without jwksUri must be an address to find its keys from', () => {
    const issuers = (issuer: string) => {
      const [{ jwksUri: _, ...first }] = JSON.parse(AUTH_ISSUERS)
      return JSON.stringify([{ ...first, issuer }])
    }
    for (const issuer of [
      'https://id.example.com',
      'https://id.example.com/shop/',
      'http://127.0.0.1:9000',
    ]) {
      expect(problemsInDevelopment({ AUTH_ISSUERS: issuers(issuer) })).toEqual([])
    }
    for (const issuer of ['our-issuer', 'http://id.example.com', 'https://id.example.com/?shop=1']) {
      expect(problemsInDevelopment({ AUTH_ISSUERS: issuers(issuer) })).toEqual([
        expect.stringMatching(/^AUTH_ISSUERS\[0\]\.jwksUri: is required where/),
      ])
    }
  })

  it('accepts the settings of an issuer, and no others', () => {
    const [first] = JSON.parse(AUTH_ISSUERS)
    const more = {
      tokenType: 'at+jwt',
      emailClaim: 'upn',
      supportClaim: 'https://example.com/support',
      tenants: ['acme'],
    }
    const { issuers } = parseConfig({ ...DEVELOPMENT, AUTH_ISSUERS: JSON.stringify([{ ...first, ...more }]) })
    expect(issuers).toEqual([{ ...first, ...more }])
    for (const wrong of [{ tokenType: 'JWT' }, { emailClaim: '' }, { tenants: [] }, { alg: 'none' }]) {
      const AUTH_ISSUERS = JSON.stringify([{ ...first, ...wrong }])
      expect(offendersOf({ ...DEVELOPMENT, AUTH_ISSUERS })).toEqual(['AUTH_ISSUERS'])
    }
  })

  it('shows no value that may be a secret', () => {
    const environment = {
      ...DEVELOPMENT,
      DATABASE_URL: 'postgres//app:hunter2hunter2@db',
      DATABASE_OWNER_URL: 'hunter2hunter2',
      SECRETS_KEY: 'hunter2!hunter2',
      AUTH_ISSUERS: 'hunter2hunter2',
    }
    expect(offendersOf(environment)).toHaveLength(4)
    expect(problemsOf(environment).join()).not.toContain('hunter2')
  })

  it('refuses the owner as the only role', () => {
    expect(problemsOf({ DATABASE_OWNER_URL: DATABASE_URL })).toEqual([
      expect.stringMatching(/^DATABASE_URL: is required beside DATABASE_OWNER_URL/),
    ])
  })

  it('trusts no proxy by default, only configured addresses or networks', () => {
    expect(parseConfig({}).trustedProxies).toEqual([])
    const networks = ['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::1']
    expect(parseConfig({ ...DEVELOPMENT, TRUSTED_PROXIES: networks.join(', ') }).trustedProxies).toEqual(
      networks,
    )
    for (const wrong of ['true', '*', '10.0.0.0/33', '10.0.0.0/8/8', '10.0.0', '192.0.2.7,', 'proxy.example'])
      expect(offendersOf({ ...DEVELOPMENT, TRUSTED_PROXIES: wrong }), wrong).toEqual(['TRUSTED_PROXIES'])
  })

  it('reads the origins of pages, and says of each what is wrong with it', () => {
    expect(parseConfig({}).corsOrigins).toEqual([])
    const given = 'https://admin.example.com, https://Shop.Example.com:443/'
    expect(parseConfig({ ...PRODUCTION, CORS_ORIGINS: given }).corsOrigins).toEqual([
      'https://admin.example.com',
      'https://shop.example.com',
    ])
    const wrong =
      'https://a.example.com, *, https://*.example.com, https://a.example.com/shop, null, http://a.example.com'
    expect(problemsOf({ ...PRODUCTION, CORS_ORIGINS: wrong })).toEqual([
      expect.stringMatching(/^CORS_ORIGINS\[1\]: must be one exact origin/),
      expect.stringMatching(/^CORS_ORIGINS\[2\]: must be one exact origin/),
      expect.stringMatching(/^CORS_ORIGINS\[3\]: must be an origin, without a path/),
      expect.stringMatching(/^CORS_ORIGINS\[4\]: must be an origin/),
      expect.stringMatching(/^CORS_ORIGINS\[5\]: must be https in production/),
    ])
    expect(problemsInDevelopment({ CORS_ORIGINS: 'http://a.example.com' })).toEqual([])
    expect(problemsOf({ ...PRODUCTION, CORS_ORIGINS: 'http://localhost:5173' })).toEqual([])
  })

  it('trusted documents are a path, and nothing else can be required without it', () => {
    expect(parseConfig({}).trustedDocuments).toBe(null)
    expect(
      parseConfig({ TRUSTED_DOCUMENTS: 'documents', TRUSTED_DOCUMENTS_ONLY: 'true' }).trustedDocuments,
    ).toEqual({ path: resolve('documents'), only: true })
    expect(problemsOf({ TRUSTED_DOCUMENTS_ONLY: 'true' })).toEqual([
      expect.stringMatching(/^TRUSTED_DOCUMENTS: is required beside TRUSTED_DOCUMENTS_ONLY/),
    ])
  })

  it('says that Citus is not supported yet', () => {
    expect(problemsOf({ DATABASE_ENGINE: 'citus' })).toEqual([
      expect.stringContaining('does not support Citus yet'),
    ])
  })

  it.each([
    ['a phrase', Buffer.from('this is my very secret passphrase').toString('base64')],
    ['one byte over and over', Buffer.alloc(32, 7).toString('base64')],
    ['a pattern', Buffer.from('00ff11ee'.repeat(8), 'hex').toString('base64')],
    ['no base64', '!'.repeat(44)],
  ])('refuses a SECRETS_KEY that is %s', (_what, key) => {
    expect(offendersOf({ SECRETS_KEY: key })).toEqual(['SECRETS_KEY'])
  })
})

describe('development is asked for beside what others can reach', () => {
  const SIGNS: [string, Record<string, string>][] = [
    ['DATABASE_URL', { DATABASE_URL }],
    ['DATABASE_URL', { DATABASE_URL, DATABASE_OWNER_URL: DATABASE_URL, DATABASE_WORKER_URL: DATABASE_URL }],
    ['AUTH_ISSUERS', { AUTH_ISSUERS }],
    ['PUBLIC_URL', { PUBLIC_URL: 'https://shop.example.com' }],
    ['TRUSTED_PROXIES', { TRUSTED_PROXIES: '10.0.0.0/8' }],
    ['CORS_ORIGINS', { CORS_ORIGINS: 'https://admin.example.com' }],
    ['HOST', { HOST: '0.0.0.0' }],
    ['HOST', { HOST: '::' }],
    ['HOST', { HOST: 'shop.internal' }],
    ['ALLOW_EMBEDDED_IN_PRODUCTION', { ALLOW_EMBEDDED_IN_PRODUCTION: 'true' }],
  ]

  it.each(SIGNS)('%s without NODE_ENV is refused in one line that says what to set', (name, environment) => {
    expect(problemsOf(environment)).toEqual([
      `NODE_ENV: must be set beside ${name}: to production, or to development, where anybody who reaches this server ` +
        'may sign in as anybody',
    ])
    expect(problemsInDevelopment(environment)).toEqual([])
    expect(parseConfig(environment, { inAnyEnvironment: true }).environment.hasDemo).toBe(true)
  })

  it('names all that it saw, and an empty NODE_ENV is none', () => {
    expect(problemsOf({ NODE_ENV: '', DATABASE_URL, HOST: '192.0.2.1' })).toEqual([
      expect.stringMatching(/^NODE_ENV: must be set beside DATABASE_URL, HOST: /),
    ])
  })

  it.each([
    { HOST: 'localhost' },
    { HOST: '127.0.0.1' },
    { HOST: '::1' },
    { AUTH_ISSUERS: '[]' },
    { AUTH_ISSUERS: AUTH_ISSUERS.replaceAll('https://id.example.com', 'http://127.0.0.1:8080') },
    { SMTP_URL: 'smtp://127.0.0.1:1025', MAIL_FROM: 'mail@shop.example' },
  ])('a first try needs no NODE_ENV: %j', (environment) => {
    expect(parseConfig(environment).environment.hasDevelopmentTools).toBe(true)
  })
})

describe('payments', () => {
  const key = () => randomBytes(32).toString('base64')

  it('go through the sandbox by default, and secrets are sealed with one key', () => {
    expect(parseConfig({})).toMatchObject({
      payments: { sandboxPort: 0, stripe: null },
      publicUrl: null,
      secretsKey: null,
      previousSecretsKeys: [],
    })
  })

  it('a Stripe test account takes the place of the sandbox', () => {
    const stripe = { STRIPE_SECRET_KEY: 'sk_test_abc', STRIPE_WEBHOOK_SECRET: 'whsec_abc' }
    expect(parseConfig({ ...stripe, SANDBOX_PORT: '4001' }).payments).toEqual({
      sandboxPort: 4001,
      stripe: { secretKey: 'sk_test_abc', webhookSecret: 'whsec_abc' },
    })
    expect(parseConfig({ STRIPE_SECRET_KEY: 'rk_test_abc' }).payments.stripe).toEqual({
      secretKey: 'rk_test_abc',
      webhookSecret: null,
    })
  })

  it.each(['sk_live_abc', 'rk_live_abc', 'pk_test_abc', 'whsec_abc', 'sk_test_a-b'])(
    'the key %s is not of a test account, and is not shown',
    (secretKey) => {
      const problems = problemsOf({ STRIPE_SECRET_KEY: secretKey })
      expect(problems).toEqual([expect.stringMatching(/^STRIPE_SECRET_KEY: must be a test key/)])
      expect(problems.join()).not.toContain(secretKey)
    },
  )

  it('a webhook secret without a key, or of another form, is reported', () => {
    expect(problemsOf({ STRIPE_WEBHOOK_SECRET: 'whsec_abc' })).toEqual([
      expect.stringMatching(/^STRIPE_SECRET_KEY: is required beside STRIPE_WEBHOOK_SECRET/),
    ])
    expect(offendersOf({ STRIPE_SECRET_KEY: 'sk_test_abc', STRIPE_WEBHOOK_SECRET: 'abc' })).toEqual([
      'STRIPE_WEBHOOK_SECRET',
    ])
  })

  it.each([
    ['https://shop.example.com', 'https://shop.example.com'],
    ['https://shop.example.com/', 'https://shop.example.com'],
    ['https://Shop.Example.com:443', 'https://shop.example.com'],
    ['http://127.0.0.1:4000', 'http://127.0.0.1:4000'],
  ])('PUBLIC_URL %s is %s', (given, publicUrl) => {
    expect(parseConfig({ ...DEVELOPMENT, PUBLIC_URL: given })).toMatchObject({ publicUrl })
  })

  it.each([
    'shop.example.com',
    'ftp://shop.example.com',
    'https://shop.example.com/bulkhead',
    'https://shop.example.com?a=b',
    'https://somebody:hunter2@shop.example.com',
  ])('PUBLIC_URL %s is refused, and not shown', (given) => {
    expect(problemsInDevelopment({ PUBLIC_URL: given })).toEqual([
      'PUBLIC_URL: must be an address without a path, as in https://shop.example.com',
    ])
  })

  it('keys before SECRETS_KEY are separated by commas, and follow the same rules', () => {
    const [one, two] = [key(), key()]
    expect(
      parseConfig({ SECRETS_KEY: key(), SECRETS_KEY_PREVIOUS: `${one}, ${two}` }).previousSecretsKeys.map(
        (bytes) => Buffer.from(bytes).toString('base64'),
      ),
    ).toEqual([one, two])
    const problems = problemsOf({ SECRETS_KEY_PREVIOUS: `${one},hunter2` })
    expect(problems).toEqual([expect.stringMatching(/^SECRETS_KEY_PREVIOUS\[1\]: must hold at least 32/)])
    expect(problems.join()).not.toContain('hunter2')
  })
})

describe('mail', () => {
  const MAIL_FROM = 'Shop <mail@shop.example.com>'

  it('goes to the mailbox unless a server is configured, and contains no link', () => {
    expect(parseConfig({})).toMatchObject({ mail: null, invitationUrl: null })
    const given = { SMTP_URL: 'smtp://shop:hunter2@smtp.example.com:587', MAIL_FROM }
    expect(parseConfig({ ...given, INVITATION_URL: 'https://shop.example.com/join?a=b' })).toMatchObject({
      mail: { smtpUrl: given.SMTP_URL, from: MAIL_FROM },
      invitationUrl: 'https://shop.example.com/join?a=b',
    })
  })

  it.each(['smtp.example.com', 'http://smtp.example.com', 'smtp://', 'hunter2'])(
    'SMTP_URL %s is refused, and not shown',
    (given) => {
      const problems = problemsOf({ SMTP_URL: given, MAIL_FROM })
      expect(problems).toEqual([expect.stringMatching(/^SMTP_URL: must have the form smtp:/)])
      expect(problems.join()).not.toContain('hunter2')
    },
  )

  it.each([
    'shop',
    'a@x.example, b@x.example',
    'Shop <mail@shop.example>\r\nBcc: a@x.example',
    '<a@x> b',
    'Shop <mail@shop..example>',
  ])('MAIL_FROM %j is no sender', (given) => {
    expect(offendersOf({ SMTP_URL: 'smtp://smtp.example.com', MAIL_FROM: given })).toEqual(['MAIL_FROM'])
  })

  it('needs a sender beside its server', () => {
    expect(problemsOf({ SMTP_URL: 'smtp://smtp.example.com' })).toEqual([
      'MAIL_FROM: is required beside SMTP_URL',
    ])
  })

  it.each([
    'join',
    'ftp://x.example',
    'https://x.example/#join',
    'https://me:hunter2@x.example',
    'javascript:1',
  ])('INVITATION_URL %s is refused', (given) => {
    expect(offendersOf({ INVITATION_URL: given })).toEqual(['INVITATION_URL'])
  })

  it('links to no page in the clear in production', () => {
    expect(offendersOf({ ...PRODUCTION, INVITATION_URL: 'http://x.example' })).toEqual(['INVITATION_URL'])
    expect(offendersOf({ INVITATION_URL: 'http://x.example' })).toEqual([])
  })
})

describe('in production', () => {
  it('a PostgreSQL with a known row-level security bug is refused by default', () => {
    const strict = (environment: Record<string, string>) => parseConfig(environment).database.strictVersion
    expect(strict(PRODUCTION)).toBe(true)
    expect(strict({ ...PRODUCTION, DATABASE_STRICT_VERSION: 'false' })).toBe(false)
    expect(strict({})).toBe(false)
    expect(strict({ DATABASE_STRICT_VERSION: 'true' })).toBe(true)
  })

  it('a complete configuration is accepted, and introspection is off', () => {
    expect(parseConfig(PRODUCTION)).toMatchObject({
      environment: { hasDevelopmentTools: false, hasDemo: false, keyMode: 'live', mailNeedsTls: true },
      issuers: [{ issuer: 'https://id.example.com' }],
      introspection: false,
    })
  })

  it('every unsafe default is a mistake; all are reported at once', () => {
    expect(offendersOf({ NODE_ENV: 'production' })).toEqual(['AUTH_ISSUERS', 'SECRETS_KEY', 'DATABASE_URL'])
  })

  it('merchants connect their own accounts: one for all is a mistake', () => {
    const stripe = { STRIPE_SECRET_KEY: 'sk_test_abc', STRIPE_WEBHOOK_SECRET: 'whsec_abc' }
    expect(problemsOf({ ...PRODUCTION, ...stripe })).toEqual([
      expect.stringMatching(/^STRIPE_SECRET_KEY: is for development/),
      expect.stringMatching(/^STRIPE_WEBHOOK_SECRET: is for development/),
    ])
  })

  it('mistakes of other kinds are reported with them', () => {
    expect(offendersOf({ NODE_ENV: 'production', PORT: 'x' })).toEqual([
      'PORT',
      'AUTH_ISSUERS',
      'SECRETS_KEY',
      'DATABASE_URL',
    ])
  })

  it('no issuers are as bad as none', () => {
    expect(offendersOf({ ...PRODUCTION, AUTH_ISSUERS: '[ ]' })).toEqual(['AUTH_ISSUERS'])
  })

  it('the embedded database must be asked for', () => {
    const { DATABASE_URL: _, ...embedded } = PRODUCTION
    expect(offendersOf(embedded)).toEqual(['DATABASE_URL'])
    expect(parseConfig({ ...embedded, ALLOW_EMBEDDED_IN_PRODUCTION: 'true' }).database.runtimeUrl).toBeNull()
  })

  it.each(['postgres', 'app', 'APP', 'change%2Dme'])('the password %s is refused', (password) => {
    const url = `postgresql://app:${password}@db/bulkhead`
    expect(offendersOf({ ...PRODUCTION, DATABASE_URL: url })).toEqual(['DATABASE_URL'])
    expect(offendersOf({ ...DEVELOPMENT, DATABASE_URL: url })).toEqual([])
  })
})

describe('.env.example', () => {
  const text = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8')

  it('lists every variable that is read, and no other', () => {
    const listed = [...text.matchAll(/^(?:# )?([A-Z][A-Z_]+)=/gm)].map(([, name = '']) => name)
    expect(listed.toSorted()).toEqual([...VARIABLE_NAMES].toSorted())
  })

  it('states the defaults', () => {
    expect(parseConfig(parseEnv(text))).toEqual(parseConfig({}))
  })

  it('gives no secret to copy into production', () => {
    const uncommented = text.replaceAll(/^# (?=[A-Z][A-Z_]+=)/gm, '')
    const offenders = offendersOf({ ...parseEnv(uncommented), NODE_ENV: 'production' })
    expect(offenders).toContain('SECRETS_KEY')
  })
})
