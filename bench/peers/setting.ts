// The settings of every peer, and the token check that all servers share. A peer does no more per request: it looks up
// no membership, since a tenant's id follows from its slug.
import { pino } from 'pino'
import { developmentIssuer } from '../../src/auth/token-issuer.ts'
import { createTokenVerifier } from '../../src/auth/verify-token.ts'
import { ownerEmail, rowId, tenantNumber } from '../rows.ts'

export const CONNECTIONS = 16
export const HOST = '127.0.0.1'

export type Setting = {
  readonly port: number
  readonly databaseUrl: string
  /** The tenant and its owner, from an `authorization` header; throws for an invalid one. */
  authenticate(header: string | undefined): Identity
}

export type Identity = { readonly tenantId: string; readonly memberId: string; readonly email: string }

const BEARER = 'Bearer '

export function readSetting(): Setting {
  const { PORT = '', DATABASE_URL = '', BENCH_SECRET = '' } = process.env
  const verifier = createTokenVerifier({
    issuers: [],
    development: developmentIssuer(Buffer.from(BENCH_SECRET, 'base64url')),
    clock: () => new Date(),
    logger: pino({ level: 'warn' }),
  })
  return {
    port: Number(PORT),
    databaseUrl: DATABASE_URL,
    authenticate(header = '') {
      const claims = verifier.verify(header.startsWith(BEARER) ? header.slice(BEARER.length) : '')
      if (claims instanceof Promise) throw new Error('HS256 is verified at once')
      const tenant = tenantNumber(claims.tenant ?? '')
      return {
        tenantId: rowId('tenant', tenant, 0),
        memberId: rowId('member', tenant, 1),
        email: ownerEmail(tenant),
      }
    },
  }
}
