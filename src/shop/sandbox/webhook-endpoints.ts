// Webhook endpoints: https://docs.stripe.com/api/webhook_endpoints. The signing secret is returned once.
import { type Account, change, load, makeId, seconds } from './account.ts'
import { group, type Params, text, texts } from './form.ts'
import { invalid, required } from './problem.ts'
import type { Stored } from './store.ts'

/** The secret is stored separately, so that only the first answer can include it. */
const SECRET_PREFIX = 'secret_of_'

export function createEndpoint(account: Account, params: Params): object {
  const endpoint: Stored = {
    id: makeId('we'),
    object: 'webhook_endpoint',
    api_version: null,
    application: null,
    created: seconds(account),
    description: text(params, 'description'),
    enabled_events: wantedOf(params),
    livemode: false,
    metadata: group(params, 'metadata'),
    status: 'enabled',
    url: urlOf(params),
  }
  const secret = makeId('whsec')
  account.store.save(account.id, endpoint)
  account.store.save(account.id, {
    id: SECRET_PREFIX + endpoint.id,
    object: 'webhook_secret',
    created: endpoint.created,
    secret,
  })
  return { ...endpoint, secret }
}

export function updateEndpoint(account: Account, id: string, params: Params): Stored {
  const endpoint = load(account, 'webhook_endpoint', id)
  const disabled = text(params, 'disabled')
  return change(account, endpoint, {
    ...(params.url !== undefined && { url: urlOf(params) }),
    ...(params.enabled_events !== undefined && { enabled_events: wantedOf(params) }),
    ...(params.description !== undefined && { description: text(params, 'description') }),
    ...(params.metadata !== undefined && { metadata: group(params, 'metadata') }),
    ...(disabled !== null && { status: disabled === 'true' ? 'disabled' : 'enabled' }),
  })
}

export function deleteEndpoint(account: Account, id: string): object {
  load(account, 'webhook_endpoint', id)
  account.store.remove(account.id, id)
  account.store.remove(account.id, SECRET_PREFIX + id)
  return { id, object: 'webhook_endpoint', deleted: true }
}

export function secretOf(account: Pick<Account, 'id' | 'store'>, endpointId: string): string {
  const secret = account.store.find(account.id, SECRET_PREFIX + endpointId)?.secret
  return typeof secret === 'string' ? secret : ''
}

function wantedOf(params: Params): string[] {
  const wanted = texts(params, 'enabled_events')
  if (wanted.length === 0) throw required('enabled_events')
  return wanted
}

function urlOf(params: Params): string {
  const url = text(params, 'url') ?? ''
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) throw invalid('Invalid URL', 'url', 'url_invalid')
  return url
}
