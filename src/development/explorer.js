// The explorer in the browser: signs in by authorization code with PKCE, like any application, and starts GraphiQL with
// the token. Tokens stay in this page's memory; a reload signs in again.

const { issuer, clientId, defaultQuery } = JSON.parse(document.querySelector('#settings').textContent)
const redirectUri = `${location.origin}/graphiql`
const graphqlUrl = `${location.origin}/graphql`
const ATTEMPT = 'bulkhead.attempt'
const TENANT = 'bulkhead.tenant'
/** A token about to expire is renewed before it is sent. */
const SPARE_MS = 30_000

const who = document.querySelector('#who')
const tenantChoice = document.querySelector('#tenant')
const plainFetch = globalThis.fetch.bind(globalThis)

/** Null: nobody is signed in. */
let session = null
let renewal = null

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
}

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)))

async function challengeOf(verifier) {
  return base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))))
}

async function json(response) {
  if (response.ok) return response.json()
  const { error_description: description, error } = await response.json().catch(() => ({}))
  throw new Error(description ?? error ?? `the server answered ${response.status}`)
}

const discover = async () => json(await plainFetch(`${issuer}/.well-known/openid-configuration`))

/** Goes to the issuer's page. `prompt` 'login': it asks again for the person. */
async function leaveToSignIn(prompt) {
  const { authorization_endpoint: endpoint } = await discover()
  // The query of a link in the URL is restored after signing in.
  const attempt = { state: random(), nonce: random(), verifier: random(), search: location.search }
  sessionStorage.setItem(ATTEMPT, JSON.stringify(attempt))
  const parameters = {
    client_id: clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid email',
    state: attempt.state,
    nonce: attempt.nonce,
    code_challenge: await challengeOf(attempt.verifier),
    code_challenge_method: 'S256',
    ...(prompt === undefined ? {} : { prompt }),
  }
  location.assign(`${endpoint}?${new URLSearchParams(parameters)}`)
}

/** Handles the issuer's answer in the URL, which must belong to the attempt begun here. */
async function finishSignIn(answer) {
  const attempt = JSON.parse(sessionStorage.getItem(ATTEMPT) ?? 'null')
  sessionStorage.removeItem(ATTEMPT)
  history.replaceState(null, '', `/graphiql${attempt?.search ?? ''}`)
  if (attempt === null || answer.get('state') !== attempt.state || answer.get('iss') !== issuer) {
    throw new Error('this is not the answer to a sign-in begun here')
  }
  if (answer.has('error')) throw new Error(answer.get('error_description') ?? answer.get('error'))
  const { nonce } = await askForTokens({
    grant_type: 'authorization_code',
    code: answer.get('code'),
    redirect_uri: redirectUri,
    code_verifier: attempt.verifier,
  })
  if (nonce === attempt.nonce) return
  session = null
  throw new Error('this ID token is of another sign-in')
}

/** Begins or renews the session; returns the claims of the ID token, which came directly from the issuer. */
async function askForTokens(parameters) {
  const { token_endpoint: endpoint } = await discover()
  const body = new URLSearchParams({ client_id: clientId, ...parameters })
  const tokens = await json(await plainFetch(endpoint, { method: 'POST', body }))
  const payload = tokens.id_token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')
  const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(payload), (c) => c.codePointAt(0))))
  session = {
    email: claims.email,
    chosenTenant: claims.chosen_tenant,
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token,
    expiresAtMs: Date.now() + tokens.expires_in * 1_000,
  }
  return claims
}

async function accessToken() {
  if (session !== null && Date.now() > session.expiresAtMs - SPARE_MS) {
    renewal ??= askForTokens({ grant_type: 'refresh_token', refresh_token: session.refreshToken })
      .catch(({ message }) => showNobody(message))
      .finally(() => {
        renewal = null
      })
    await renewal
  }
  return session?.accessToken
}

/** Adds the token and the tenant to GraphiQL's requests, unless its header editor sets them. */
globalThis.fetch = async (input, init) => {
  const request = new Request(input, init)
  if (request.url !== graphqlUrl || request.headers.has('authorization')) return plainFetch(request)
  const token = await accessToken()
  if (token !== undefined) request.headers.set('authorization', `Bearer ${token}`)
  const tenant = sessionStorage.getItem(TENANT)
  if (tenant && !request.headers.has('bulkhead-tenant')) request.headers.set('bulkhead-tenant', tenant)
  return plainFetch(request)
}

function showNobody(reason) {
  session = null
  who.textContent = `not signed in: ${reason}`
  tenantChoice.hidden = true
}

/**
 * Fills the list of tenants, and takes the one under which the person was chosen. With one there is no choice; an invited
 * person, or platform staff, types a slug.
 */
async function showSession() {
  const headers = { authorization: `Bearer ${session.accessToken}` }
  const { tenants } = await json(await plainFetch('/auth/tenants', { headers }))
  who.textContent = session.email
  const kept = sessionStorage.getItem(TENANT)
  const names = new Map(tenants.map(({ slug, name, role }) => [slug, `${name}: ${role.toLowerCase()}`]))
  const only = tenants.length === 1 ? tenants[0].slug : ''
  const chosen = kept ?? (names.has(session.chosenTenant) ? session.chosenTenant : only)
  if (chosen !== '') sessionStorage.setItem(TENANT, chosen)
  if (!names.has(chosen)) names.set(chosen, chosen === '' ? 'choose a tenant' : chosen)
  names.set('?', 'another tenant…')
  tenantChoice.replaceChildren(
    ...[...names].map(([slug, name]) => new Option(name, slug, false, slug === chosen)),
  )
  tenantChoice.hidden = false
}

tenantChoice.addEventListener('change', () => {
  const slug =
    tenantChoice.value === '?' ? prompt('The address of the tenant, as in acme:') : tenantChoice.value
  if (slug) sessionStorage.setItem(TENANT, slug.trim())
  // GraphiQL fetches the schema once, and it must be the chosen tenant's.
  location.reload()
})

document.querySelector('#sign-in').addEventListener('click', () => {
  sessionStorage.removeItem(TENANT)
  leaveToSignIn('login').catch(({ message }) => showNobody(message))
})

async function start() {
  const answer = new URLSearchParams(location.search)
  try {
    if (!answer.has('code') && !answer.has('error')) {
      await leaveToSignIn()
      return
    }
    await finishSignIn(answer)
    await showSession()
  } catch (error) {
    showNobody(error.message)
  }
  // Without a query it would open an empty tab beside the default one.
  const linked = new URLSearchParams(location.search).get('query')
  YogaGraphiQL.renderYogaGraphiQL(document.querySelector('#root'), {
    endpoint: '/graphql',
    title: 'Bulkhead',
    defaultQuery,
    query: linked ?? localStorage.getItem('graphiql:query') ?? defaultQuery,
  })
}

await start()
