// The last part of the path to which a provider sends its events: names the tenant and the account, and is no secret.
import { encodeId, NO_ID, uuidOf } from '../../../core/ids.ts'
import { isSlug } from '../../../core/slug.ts'

const ID_PREFIX = 'prov'

/** `acme` and an id make `acme.prov_01h455vb4pex5vsknk084sn02q`. */
export function endpointName(tenantSlug: string, providerId: string): string {
  return `${tenantSlug}.${encodeId(ID_PREFIX, providerId)}`
}

/** Null for text that is no endpoint's name. */
export function parseEndpoint(name: string): { slug: string; providerId: string } | null {
  const [slug = '', id = '', ...rest] = name.split('.')
  const providerId = uuidOf(ID_PREFIX, id)
  return rest.length === 0 && isSlug(slug) && providerId !== NO_ID ? { slug, providerId } : null
}
