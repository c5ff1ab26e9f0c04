// The development issuer's protocol, by oidc-provider: authorization code with PKCE, refresh, JWT access tokens.
// sign-in.ts asks for the person. Never in production.
import type { ClientMetadata, Configuration, Grant, KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { IssuerConfig } from '../auth/token-issuer.ts'
import type { Logger } from '../core/logger.ts'
import { messagePage, PAGE_POLICY, signOutPage } from './choose-page.ts'
import { DEVELOPMENT_ALGORITHM, type DevelopmentKey } from './key.ts'
import { ACCESS_TOKEN_SECONDS, CHOICE_SECONDS, CODE_SECONDS, SESSION_SECONDS } from './lifetimes.ts'

/** Below the server's URL. */
export const ISSUER_PATH = '/oidc'
/** The client ids of this server's own pages, and of programs on this machine: public clients, without a secret. */
export const CLIENT_ID = 'bulkhead'
const LOCAL_CLIENT_ID = 'local'

const AUDIENCE = 'bulkhead'
const RESOURCE = 'urn:bulkhead:api'
const SUPPORT_CLAIM = 'support'
/** In the ID token: the tenant under which the person was chosen on the page. */
const CHOSEN_TENANT_CLAIM = 'chosen_tenant'
const SCOPE = 'openid email'
/** Programs on this machine, at any port of the loopback (RFC 8252, 7.3). */
const CALLBACKS = ['http://127.0.0.1/callback', 'http://localhost/callback']
const LOOPBACK = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/

export function issuerAt(origin: string): string {
  return `${origin}${ISSUER_PATH}`
}

/** The issuer's configuration, as for any issuer. Its tokens name no tenant, so the caller does. */
export function trustedConfig(origin: string): IssuerConfig {
  const issuer = issuerAt(origin)
  return {
    issuer,
    jwksUri: `${issuer}/jwks`,
    audience: AUDIENCE,
    algorithms: [DEVELOPMENT_ALGORITHM],
    tokenType: 'at+jwt',
    supportClaim: SUPPORT_CLAIM,
  }
}

/**
 * The chosen person. `tenant`: the slug of the tenant under which they were chosen, null for none. `isSupport`: platform
 * staff.
 */
export type Person = { readonly email: string; readonly tenant: string | null; readonly isSupport: boolean }

const SUPPORT_PREFIX = 'support|'
const TENANT_PREFIX = /^tenant\|(?<tenant>[a-z0-9-]+)\|/

/** Unambiguous, since the tenant's slug has no `|`. */
export function accountIdOf({ email, tenant, isSupport }: Person): string {
  if (isSupport) return `${SUPPORT_PREFIX}${email}`
  return tenant === null ? email : `tenant|${tenant}|${email}`
}

function personOf(accountId: string): Person {
  if (accountId.startsWith(SUPPORT_PREFIX))
    return { email: accountId.slice(SUPPORT_PREFIX.length), tenant: null, isSupport: true }
  const [prefix, tenant] = TENANT_PREFIX.exec(accountId) ?? []
  return prefix === undefined || tenant === undefined
    ? { email: accountId, tenant: null, isSupport: false }
    : { email: accountId.slice(prefix.length), tenant, isSupport: false }
}

function claimsOf(accountId: string) {
  const { email, isSupport } = personOf(accountId)
  return { email, email_verified: true, ...(isSupport ? { [SUPPORT_CLAIM]: true } : {}) }
}

/** With the tenant of the choice. In the ID token alone: an access token names no tenant, the caller does. */
function idClaimsOf(accountId: string) {
  const { tenant } = personOf(accountId)
  return { ...claimsOf(accountId), ...(tenant === null ? {} : { [CHOSEN_TENANT_CLAIM]: tenant }) }
}

/** The issuer for the server at `origin`. Its sessions and codes are in this process's memory, and bounded. */
export async function createDevelopmentProvider(options: {
  readonly origin: string
  readonly key: DevelopmentKey
  readonly logger: Logger
}): Promise<Provider> {
  const { origin, key, logger } = options
  // Loaded when the first person signs in, since most starts of a server see none.
  const [{ Provider: DevelopmentProvider }, { createMemoryAdapter }] = await Promise.all([
    import('oidc-provider'),
    import('oidc-provider/lib/adapters/memory_adapter.js'),
  ])
  const provider = new DevelopmentProvider(issuerAt(origin), {
    ...RULES,
    adapter: createMemoryAdapter(),
    jwks: { keys: [key] },
    // Cookies need not outlive the sessions, which are in memory.
    cookies: { keys: [crypto.randomUUID()] },
    clients: [
      { ...PUBLIC_CLIENT, client_id: CLIENT_ID, redirect_uris: [`${origin}/graphiql`] },
      // These clients ask for the person each time, since any program may claim to be one.
      { ...PUBLIC_CLIENT, client_id: LOCAL_CLIENT_ID, application_type: 'native', redirect_uris: CALLBACKS },
    ],
  })
  provider.on('server_error', (_context, error) =>
    logger.error({ err: error }, 'the development issuer failed'),
  )
  return provider
}

const PUBLIC_CLIENT = {
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  id_token_signed_response_alg: DEVELOPMENT_ALGORITHM,
} as const satisfies Partial<ClientMetadata>

const RULES: Configuration = {
  scopes: ['openid', 'email'],
  claims: { openid: ['sub'], email: ['email', 'email_verified', CHOSEN_TENANT_CLAIM] },
  // The ID token contains the person's claims, which saves the pages a request.
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: false },
    // Switching to another person ends the previous session by this.
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (context, form) => sendPage(context, signOutPage(form)),
      postLogoutSuccessSource: (context) => sendPage(context, messagePage('Signed out', '')),
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => RESOURCE,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: '',
        audience: AUDIENCE,
        accessTokenFormat: 'jwt',
        accessTokenTTL: ACCESS_TOKEN_SECONDS,
        jwt: { sign: { alg: DEVELOPMENT_ALGORITHM } },
      }),
    },
  },
  enabledJWA: { idTokenSigningAlgValues: [DEVELOPMENT_ALGORITHM] },
  clientBasedCORS: (_context, origin) => LOOPBACK.test(origin),
  interactions: { url: (_context, { uid }) => `${ISSUER_PATH}/choose/${uid}` },
  findAccount: (_context, accountId) => ({
    accountId,
    claims: () => ({ sub: accountId, ...idClaimsOf(accountId) }),
  }),
  extraTokenClaims: (_context, token) =>
    'accountId' in token && typeof token.accountId === 'string' ? claimsOf(token.accountId) : undefined,
  issueRefreshToken: (_context, client) => client.grantTypeAllowed('refresh_token'),
  loadExistingGrant: grantOf,
  renderError: (context, { error, error_description: description }) =>
    sendPage(context, messagePage('Signing in did not work', description ?? error)),
  ttl: {
    AccessToken: ACCESS_TOKEN_SECONDS,
    AuthorizationCode: CODE_SECONDS,
    IdToken: ACCESS_TOKEN_SECONDS,
    Interaction: CHOICE_SECONDS,
    RefreshToken: SESSION_SECONDS,
    Session: SESSION_SECONDS,
    Grant: SESSION_SECONDS,
  },
}

/** Without asking for consent: the client is this installation's own. */
async function grantOf({ oidc }: KoaContextWithOIDC): Promise<Grant | undefined> {
  const { provider, client, session } = oidc
  if (client === undefined || session?.accountId === undefined) return undefined
  const known = session.grantIdFor(client.clientId)
  const grant = known === undefined ? undefined : await provider.Grant.find(known)
  if (grant?.accountId === session.accountId) return grant
  const given = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
  given.addOIDCScope(SCOPE)
  await given.save()
  return given
}

function sendPage(context: KoaContextWithOIDC, html: string): void {
  context.type = 'html'
  context.set('content-security-policy', PAGE_POLICY)
  context.body = html
}
