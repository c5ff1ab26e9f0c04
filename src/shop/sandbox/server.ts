// The sandbox's HTTP server: Stripe's API, the controls, and two pages. On the loopback only.
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { type Account, accountIdOf, makeId, settingsSchema } from './account.ts'
import { answerCall, type Call } from './calls.ts'
import { control } from './controls.ts'
import { type Deliveries, startDeliveries } from './deliveries.ts'
import { parseForm } from './form.ts'
import { authenticate } from './intents.ts'
import { createKeysInUse, type KeysInUse } from './keys-in-use.ts'
import { bankPage, welcomePage } from './pages.ts'
import { invalid, Problem } from './problem.ts'
import { ROUTES, type Route } from './routes.ts'
import { openStore } from './store.ts'
import { startTimers } from './timers.ts'

const HOST = '127.0.0.1'
const BODY_BYTES_MAX = 1_024 * 1_024
/** Our ids are far shorter, so a longer one does not exist. */
const ID_LENGTH_MAX = 500

export type SandboxServer = {
  readonly url: string
  /** A URL that answers only while this very process runs. */
  readonly instanceUrl: string
  close(): Promise<void>
}

/** Opens the store in `dataDir`, and serves it on `port` (0: any free one). */
export async function serveSandbox(options: { dataDir: string; port: number }): Promise<SandboxServer> {
  const store = openStore(join(options.dataDir, 'sandbox.sqlite'))
  let url = ''
  const accountOf = (
    id: string,
    request: Account['request'] = { id: null, idempotency_key: null },
  ): Account => ({
    id,
    store,
    settings: settingsSchema.parse(store.settingsOf(id)),
    request,
    nowMs: Date.now(),
    url,
  })
  const deliveries = startDeliveries(store)
  const stopTimers = startTimers(store, accountOf)
  const app = createApp()
  const whose = (request: FastifyRequest): Account => {
    const id = accountIdOf(request.headers.authorization)
    if (id === null) throw notAKey()
    const key = request.headers['idempotency-key']
    return accountOf(id, { id: request.id, idempotency_key: typeof key === 'string' ? key : null })
  }
  const keysInUse = createKeysInUse()
  for (const route of ROUTES) addRoute(app, route, whose, keysInUse)
  addControls(app, whose, deliveries)
  addPages(app, accountOf)
  const instancePath = `/_sandbox/instances/${makeId('sandbox')}`
  app.get(instancePath, (_request, reply) => reply.send({}))
  url = await app.listen({ host: HOST, port: options.port })
  return {
    url,
    instanceUrl: url + instancePath,
    async close() {
      stopTimers()
      await app.close()
      await deliveries.stop()
      store.close()
    },
  }
}

function createApp(): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    genReqId: () => makeId('req'),
    forceCloseConnections: true,
    routerOptions: { maxParamLength: ID_LENGTH_MAX },
    // For requests that match no route and reach no hook.
    frameworkErrors: (error, request, reply) => {
      reply.header('request-id', request.id)
      answerError(error, reply)
    },
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('request-id', request.id)
    done()
  })
  app.setErrorHandler((error, _request, reply) => answerError(error, reply))
  app.setNotFoundHandler((request, reply) => {
    const message = `Unrecognized request URL (${request.method}: ${request.url})`
    return reply.code(404).send({ error: { type: 'invalid_request_error', message } })
  })
  return app
}

function answerError(error: unknown, reply: FastifyReply): FastifyReply {
  if (error instanceof Problem) return reply.code(error.status).send({ error: error.body })
  const message = error instanceof Error ? error.message : String(error)
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  const type = status < 500 ? 'invalid_request_error' : 'api_error'
  return reply.code(status).send({ error: { type, message } })
}

type Whose = (request: FastifyRequest) => Account

function addRoute(app: FastifyInstance, route: Route, whose: Whose, keysInUse: KeysInUse): void {
  app.route({
    method: route.method,
    url: `/v1/${route.path}`,
    handler: async (request: FastifyRequest, reply: FastifyReply) => {
      const account = whose(request)
      const call = callOf(request)
      const answer = await keysInUse.during(account, route, async ({ settings }) => {
        if (settings.latencyMs > 0) await setTimeout(settings.latencyMs)
        return answerCall(whose(request), route, call)
      })
      if (answer === 'LOST') {
        reply.hijack()
        request.raw.socket.destroy()
        return reply
      }
      const key = request.headers['idempotency-key']
      if (typeof key === 'string') reply.header('idempotency-key', key)
      if (answer.isReplayed) reply.header('idempotent-replayed', 'true')
      return reply.code(answer.status).type('application/json').send(answer.body)
    },
  })
}

function callOf(request: FastifyRequest): Call {
  const [path = '', query = ''] = request.url.split('?')
  const raw = typeof request.body === 'string' && request.body !== '' ? request.body : query
  const { id = '' } = request.params as { id?: string }
  return { params: formOf(raw), id, path, raw }
}

function formOf(raw: string) {
  try {
    return parseForm(raw)
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : 'invalid parameters')
  }
}

function addControls(app: FastifyInstance, whose: Whose, deliveries: Deliveries): void {
  const handler = async (request: FastifyRequest, reply: FastifyReply) => {
    const { '*': path } = request.params as { '*': string }
    const answer = await control(whose(request), path, jsonOf(request.body), deliveries)
    if (answer === null) return reply.callNotFound()
    return reply.send(answer)
  }
  app.get('/_sandbox/*', handler)
  app.post('/_sandbox/*', handler)
}

function jsonOf(body: unknown): unknown {
  if (typeof body !== 'string' || body === '') return {}
  try {
    return JSON.parse(body) as unknown
  } catch {
    throw invalid('this is no JSON')
  }
}

function addPages(app: FastifyInstance, accountOf: (id: string) => Account): void {
  app.get('/', (_request, reply) => reply.type('text/html').send(welcomePage()))
  app.get('/authenticate/:account/:intent', (request, reply) => {
    const { account, intent } = request.params as { account: string; intent: string }
    const found = accountOf(account).store.find(account, intent)
    if (found === null) return reply.callNotFound()
    const amount = `${String(found.amount)} ${String(found.currency).toUpperCase()} (minor units)`
    return reply.type('text/html').send(bankPage(amount, found.status === 'requires_action'))
  })
  app.post('/authenticate/:account/:intent', (request, reply) => {
    const { account: id, intent } = request.params as { account: string; intent: string }
    const account = accountOf(id)
    const answer = parseForm(typeof request.body === 'string' ? request.body : '').answer
    const settled = account.store.atomically(() => authenticate(account, intent, answer === 'approve'))
    // Encoded, since a header may hold only ASCII.
    return reply.redirect(new URL(String(settled.return_url)).href, 303)
  })
}

function notAKey(): Problem {
  return new Problem(401, {
    type: 'invalid_request_error',
    message:
      'Invalid API Key provided: the sandbox takes keys of the form sk_test_ and 16 letters or digits.',
  })
}
