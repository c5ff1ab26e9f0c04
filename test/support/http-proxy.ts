// A proxy in front of the payment provider that counts calls, and can lose a chosen request or answer.
import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** `lost`: the request does not reach the provider. `unanswered`: it does, and the answer is lost. */
export type CallBreak = 'lost' | 'unanswered'

export interface HttpProxy {
  url: string
  /** Method and path of each call. */
  calls: string[]
  /** Called for each request; null lets it pass. */
  breakAt: (call: string) => CallBreak | null
  /** Called when a break has happened. */
  onBroken: () => void
  close(): Promise<void>
}

export async function startHttpProxy(targetUrl: string): Promise<HttpProxy> {
  const target = new URL(targetUrl)
  const server = createServer((incoming, outgoing) => {
    const call = `${incoming.method} ${incoming.url}`
    proxy.calls.push(call)
    const broken = proxy.breakAt(call)
    if (broken === 'lost') {
      incoming.socket.destroy()
      proxy.onBroken()
      return
    }
    const { method, url: path, headers } = incoming
    const forwarded = httpRequest(
      { host: target.hostname, port: target.port, method, path, headers },
      (answer) => {
        void collect(answer).then((body) => {
          if (broken === 'unanswered') {
            incoming.socket.destroy()
            proxy.onBroken()
            return
          }
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
          outgoing.end(body)
        })
      },
    )
    forwarded.on('error', () => incoming.socket.destroy())
    incoming.pipe(forwarded)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const proxy: HttpProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: [],
    breakAt: () => null,
    onBroken: () => {},
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return proxy
}

async function collect(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
