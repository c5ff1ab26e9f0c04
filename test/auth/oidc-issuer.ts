// A real OpenID provider in this process, on its own port: accounts, changeable keys, and an off switch.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK } from 'jose'
import Provider, { type Configuration } from 'oidc-provider'
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js'
import { askForTokens, createBrowser, newAttempt, type Tokens } from './oidc-client.ts'
import type { SigningKey } from './token-setup.ts'

export const TENANTS_CLAIM = 'https://bulkhead.example/tenants'
export const API = 'urn:example:bulkhead'
export const OTHER_API = 'urn:example:other'
const AUDIENCES: Record<string, string> = { [API]: 'bulkhead', [OTHER_API]: 'somebody-else' }
export const CLIENT = { clientId: 'shop-front', redirectUri: 'http://127.0.0.1/callback' }

export type OidcIssuer = {
  url: string
  /** Its requests, by path. */
  asked: string[]
  /** From now on these are published, and the first one signs. */
  useKeys(keys: readonly SigningKey[]): Promise<void>
  /** Signs an account in, as a browser and an application do. */
  signIn(email: string, more?: { tenants?: unknown; resource?: string | null }): Promise<Tokens>
  refresh(token: string): Promise<Tokens & { status: number }>
  stop(): Promise<void>
  /** On the same port. */
  restart(): Promise<void>
}

export async function startOidcIssuer(keys: readonly SigningKey[]): Promise<OidcIssuer> {
  const tenantsOf = new Map<string, unknown>()
  const asked: string[] = []
  let provider: Provider
  let server: Server
  let port = 0

  async function listen(): Promise<void> {
    server = createServer((request, response) => {
      const path = request.url ?? ''
      asked.push(path.split('?')[0] ?? '')
      if (path.startsWith('/interaction/')) {
        void finishInteraction(provider, request, response)
      } else {
        void provider.callback()(request, response)
      }
    })
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port // TCP, so never a pipe's name
  }

  await listen()
  const url = `http://127.0.0.1:${port}`
  // Codes and refresh tokens survive a change of keys.
  const adapter = createMemoryAdapter()
  const useKeys = async (used: readonly SigningKey[]) => {
    const jwks = await Promise.all(
      used.map(async ({ privateKey, kid, alg }) => ({
        ...(await exportJWK(privateKey)),
        kid,
        alg,
        use: 'sig',
      })),
    )
    const alg = used[0]?.alg ?? ''
    provider = new Provider(url, configurationOf(jwks, alg, adapter, tenantsOf))
  }
  await useKeys(keys)

  return {
    url,
    asked,
    useKeys,
    async signIn(email, { tenants, resource = API } = {}) {
      if (tenants !== undefined) tenantsOf.set(email, tenants)
      const more = { login_hint: email, ...(resource === null ? {} : { resource }) }
      const attempt = newAttempt(url, CLIENT, more)
      const back = await createBrowser().open(attempt.url, CLIENT.redirectUri)
      const tokens = await askForTokens(url, {
        grant_type: 'authorization_code',
        client_id: CLIENT.clientId,
        redirect_uri: CLIENT.redirectUri,
        code: back.url.searchParams.get('code') ?? '',
        code_verifier: attempt.verifier,
      })
      if (tokens.status !== 200) throw new Error(`${back.url} ${back.text} ${JSON.stringify(tokens)}`)
      return tokens
    },
    refresh: (token) =>
      askForTokens(url, { grant_type: 'refresh_token', client_id: CLIENT.clientId, refresh_token: token }),
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
    restart: listen,
  }
}

/** Signs in and consents as the person that the application expects. */
async function finishInteraction(
  provider: Provider,
  request: Parameters<Provider['interactionDetails']>[0],
  response: Parameters<Provider['interactionDetails']>[1],
): Promise<void> {
  const { params } = await provider.interactionDetails(request, response)
  const { login_hint: accountId } = params as { login_hint: string }
  await provider.interactionFinished(request, response, { login: { accountId }, consent: {} })
}

function configurationOf(
  keys: readonly object[],
  alg: string,
  adapter: NonNullable<Configuration['adapter']>,
  tenantsOf: ReadonlyMap<string, unknown>,
): Configuration {
  return {
    adapter,
    jwks: { keys: [...keys] as never }, // private keys, whose type the package does not export
    cookies: { keys: ['cookies of the tests'] },
    clients: [
      {
        client_id: CLIENT.clientId,
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: [CLIENT.redirectUri],
        id_token_signed_response_alg: alg as 'ES256',
      },
    ],
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context, resource) => ({
          scope: '',
          audience: AUDIENCES[resource] ?? '',
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: alg as 'ES256' } },
        }),
      },
    },
    enabledJWA: { idTokenSigningAlgValues: [alg as 'ES256'] },
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    issueRefreshToken: () => true,
    findAccount: (_context, accountId) => ({
      accountId,
      claims: () => ({ sub: accountId, email: accountId, email_verified: true }),
    }),
    extraTokenClaims: (_context, token) => {
      const email = 'accountId' in token ? String(token.accountId) : ''
      const tenants = tenantsOf.get(email)
      return { email, email_verified: true, ...(tenants === undefined ? {} : { [TENANTS_CLAIM]: tenants }) }
    },
    async loadExistingGrant({ oidc }) {
      const grant = new oidc.provider.Grant({
        clientId: CLIENT.clientId,
        accountId: oidc.session?.accountId ?? '',
      })
      grant.addOIDCScope('openid email')
      await grant.save()
      return grant
    },
    ttl: {
      AccessToken: 3_600,
      IdToken: 3_600,
      Interaction: 600,
      RefreshToken: 3_600,
      Session: 3_600,
      Grant: 3_600,
    },
  }
}
