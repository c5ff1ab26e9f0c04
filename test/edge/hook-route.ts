// A route for unauthenticated bodies of any type, like a module's webhooks. It refuses by the headers what it can.
import { WEBHOOK_BODY_BYTES_MAX } from '../../src/edge/http-limits.ts'
import { HttpRefusal } from '../../src/edge/http-refusal.ts'
import type { Route } from '../../src/edge/http-server.ts'

export const HOOK = '/hooks/in/acme'
/** Requests without this header get 400. */
export const SIGNED = 'x-signature: whatever'

export const hookRoute: Route = (app) => {
  void app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: WEBHOOK_BODY_BYTES_MAX },
      (_request, body, parsed) => parsed(null, body),
    )
    scope.post('/hooks/in/:name', {
      onRequest: async ({ headers }) => {
        if (headers['x-signature'] === undefined) throw new HttpRefusal(400, 'nobody has signed this')
        if (Number(headers['content-length']) > WEBHOOK_BODY_BYTES_MAX)
          throw new HttpRefusal(413, 'the body is too large')
      },
      handler: async (_request, reply) => await reply.send({ received: true }),
    })
    done()
  })
  return undefined
}
