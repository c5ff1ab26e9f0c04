// Builds the API of one process over its runtime: authentication and the HTTP server. Slow to load, so main.ts imports
// it while PostgreSQL starts.

import { createAuthenticator } from './auth/authenticate.ts'
import { developmentIssuer } from './auth/token-issuer.ts'
import { createTokenVerifier } from './auth/verify-token.ts'
import type { Config } from './config.ts'
import { AppError } from './core/errors.ts'
import { isLoopbackHost } from './core/loopback.ts'
import { createHttpServer } from './edge/http-server.ts'
import { NO_TRUSTED_DOCUMENTS, readTrustedDocuments } from './edge/trusted-documents.ts'
import type { Runtime } from './runtime.ts'
import { buildSchema } from './schema.ts'
import { DEVELOPMENT, FIRST_FIELDS, ROUTES } from './wiring.ts'

export interface Addresses {
  /** The server's URL, without a path. */
  url: string
  metricsUrl: string | null
  /** Null: there is no GraphiQL. */
  explorerUrl: string | null
  /** Null: mail is sent by SMTP, or there is none. */
  mailboxUrl: string | null
}

export interface Api {
  /** Resolves when requests are accepted. Throws SERVICE_UNAVAILABLE when an address is in use. */
  listen(): Promise<Addresses>
  /** Resolves when the requests in progress are answered and every connection is closed. */
  close(): Promise<void>
}

/** Builds the API over the runtime; it does not listen yet. */
export async function openApi(config: Config, runtime: Runtime): Promise<Api> {
  const { database, services, metrics, clock, logger, development } = runtime
  const verifier = createTokenVerifier({
    issuers: config.issuers,
    development: development === null ? undefined : developmentIssuer(await development.tokenSecret()),
    clock,
    logger,
  })
  // The development issuer authenticates anybody who reaches it, so it and GraphiQL answer only this machine.
  const explorer = isLoopbackHost(config.host) ? development : null
  const hasMailbox = explorer !== null && runtime.hasMailbox
  const schema = buildSchema()
  const trusted =
    config.trustedDocuments === null
      ? NO_TRUSTED_DOCUMENTS
      : await readTrustedDocuments({ ...config.trustedDocuments, schema })
  const server = createHttpServer({
    schema,
    trusted,
    database,
    authenticator: createAuthenticator({
      verifier,
      database,
      sessions: services.sessions,
      clock,
      logger,
      keyMode: services.keyMode,
    }),
    metrics,
    services,
    logger,
    clock,
    host: config.host,
    port: config.port,
    trustedProxies: config.trustedProxies,
    crossOrigins: { listed: config.corsOrigins, loopback: config.environment.allowsLoopbackOrigins },
    metricsPort: config.metricsPort,
    introspection: config.introspection,
    hideSuggestions: config.environment.hidesSuggestions,
    budget: config.budget,
    answerBytesMax: config.answerBytesMax,
    routes: [
      ...ROUTES,
      ...(explorer === null
        ? []
        : [
            await explorer.routes({
              trust: (issuer) => verifier.trust(issuer),
              people: async () =>
                (await Promise.all(DEVELOPMENT.map(async ({ people }) => (await people?.()) ?? []))).flat(),
              firstFields: FIRST_FIELDS,
              hasMailbox,
            }),
          ]),
    ],
  })
  return {
    async listen() {
      const { url, metricsUrl } = await server.listen().catch(explainAddress)
      runtime.listensAt(url)
      return {
        url,
        metricsUrl,
        explorerUrl: explorer === null ? null : `${url}/graphiql`,
        mailboxUrl: hasMailbox ? `${url}/mailbox` : null,
      }
    },
    close: () => server.close(),
  }
}

function explainAddress(error: NodeJS.ErrnoException & { port?: number; address?: string }): never {
  const place = `${error.address ?? ''}:${error.port ?? ''}`
  if (error.code === 'EADDRINUSE') {
    const advice = 'set PORT or METRICS_PORT to another one (0: any free one)'
    throw new AppError('SERVICE_UNAVAILABLE', `Something else listens on ${place}: ${advice}.`)
  }
  if (error.code === 'EACCES' || error.code === 'EADDRNOTAVAIL') {
    throw new AppError(
      'SERVICE_UNAVAILABLE',
      `This process may not listen on ${place}: look at HOST and PORT.`,
    )
  }
  throw error
}
