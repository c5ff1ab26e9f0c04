// GET /exports/:id: sends a finished export. download-export.ts checks the permission and reads the file.
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { credentialsOf } from '../../auth/authenticate.ts'
import type { Route } from '../../edge/http-server.ts'
import { downloadExport } from './download-export.ts'

export const exportRoute: Route = (app, { authenticator }) => {
  async function handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { id } = request.params as { id: string }
    const caller = await authenticator.authenticate(credentialsOf(request), request.id)
    const { fileName, byteCount, bytes } = await downloadExport(caller, id)
    return reply
      .header('content-type', 'application/gzip')
      .header('content-length', String(byteCount))
      .header('content-disposition', `attachment; filename="${fileName}"`)
      .send(Readable.from(bytes(), { objectMode: false }))
  }

  app.route({
    method: 'GET',
    url: '/exports/:id',
    config: { crossOrigin: true },
    exposeHeadRoute: false,
    handler: handle,
  })
  return undefined
}
