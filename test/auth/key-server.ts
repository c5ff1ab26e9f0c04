// A real HTTP key server on a free port, whose answer a test can change. Counts its requests.
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

export type KeyServer = {
  url: string
  requests: number
  /** Every request gets the latest of these. */
  answer: RequestListener
  publish(keys: readonly object[]): void
  stop(): Promise<void>
}

export async function startKeyServer(): Promise<KeyServer> {
  const server = createServer((request, response) => {
    keyServer.requests += 1
    keyServer.answer(request, response)
  })
  const keyServer: KeyServer = {
    url: '',
    requests: 0,
    answer: (_request, response) => response.writeHead(404).end(),
    publish(keys) {
      const body = JSON.stringify({ keys })
      this.answer = (_request, response) =>
        response.writeHead(200, { 'content-type': 'application/json' }).end(body)
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // listen() over TCP always yields an AddressInfo, never a pipe's name.
  keyServer.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`
  return keyServer
}
