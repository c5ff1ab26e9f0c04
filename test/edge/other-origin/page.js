// A frontend on an origin of its own: signs in with an OpenID provider by code and PKCE, and queries with Apollo Client.
// It uses only what docs/signing-in.md and docs/api.md say. page-server.ts bundles and serves it.
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client'

const CLIENT_ID = 'local'
const SCOPE = 'openid email'
const VERIFIER_BYTES = 32

const redirectUri = `${location.origin}/callback`
let token = ''

const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

const discover = async (issuer) => (await fetch(`${issuer}/.well-known/openid-configuration`)).json()

/** Leaves for the provider's page, which comes back to /callback. */
async function signIn(issuer) {
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(VERIFIER_BYTES)))
  const challenge = base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)))
  sessionStorage.setItem('sign-in', JSON.stringify({ issuer, verifier }))
  const { authorization_endpoint: endpoint } = await discover(issuer)
  const asked = {
    client_id: CLIENT_ID,
    response_type: 'code',
    scope: SCOPE,
    redirect_uri: redirectUri,
    code_challenge: challenge,
    code_challenge_method: 'S256',
  }
  location.assign(`${endpoint}?${new URLSearchParams(asked)}`)
}

/** At /callback: exchanges the code. */
async function comeBack() {
  const { issuer, verifier } = JSON.parse(sessionStorage.getItem('sign-in'))
  const { token_endpoint: endpoint } = await discover(issuer)
  const response = await fetch(endpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: CLIENT_ID,
      code: new URLSearchParams(location.search).get('code'),
      code_verifier: verifier,
      redirect_uri: redirectUri,
    }),
  })
  token = (await response.json()).access_token
}

const authorized = (headers = {}) => ({ ...headers, authorization: `Bearer ${token}` })

const tenants = async (api) =>
  (await (await fetch(`${api}/auth/tenants`, { headers: authorized() })).json()).tenants

/** The data of a query, and the headers that the page could read; or the error. */
async function query(api, tenant, source) {
  let headers = null
  const client = new ApolloClient({
    cache: new InMemoryCache(),
    link: new HttpLink({
      uri: `${api}/graphql`,
      headers: authorized({ 'bulkhead-tenant': tenant }),
      fetch: async (...asked) => {
        const response = await fetch(...asked)
        headers = Object.fromEntries(response.headers)
        return response
      },
    }),
  })
  try {
    const { data } = await client.query({ query: gql(source) })
    return { data, headers }
  } catch ({ message, errors }) {
    return { error: { message, codes: errors?.map(({ extensions }) => extensions.code) }, headers }
  }
}

/** The name and text of a file. */
async function download(url, tenant) {
  const response = await fetch(url, { headers: authorized({ 'bulkhead-tenant': tenant }) })
  return { name: response.headers.get('content-disposition'), text: await response.text() }
}

window.app = { signIn, comeBack, tenants, query, download }
