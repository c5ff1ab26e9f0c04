// The HTTP server for Prometheus, separate and on the loopback by default.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Metrics } from '../telemetry/metrics.ts'

export type MetricsServer = {
  listen(): Promise<{ url: string }>
  close(): Promise<void>
}

const TIMEOUTS = { headersTimeout: 5_000, requestTimeout: 5_000, connectionsCheckingInterval: 5_000 }
/** A scraper needs one. */
const CONNECTIONS_MAX = 32

/** Serves `GET /metrics` only. Port 0: any free one. */
export function createMetricsServer(options: {
  metrics: Metrics
  host: string
  port: number
}): MetricsServer {
  const { metrics, host, port } = options
  const server = createServer(TIMEOUTS, (request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end()
      return
    }
    metrics.render().then(
      (text) => response.writeHead(200, { 'content-type': metrics.contentType }).end(text),
      () => response.writeHead(500).end(),
    )
  })
  server.maxConnections = CONNECTIONS_MAX
  return {
    listen: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, host, () => {
          // A server that listens on a host and port has an address of this type.
          const { address, family, port: actual } = server.address() as AddressInfo
          resolve({ url: `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}/metrics` })
        })
      }),
    close: () =>
      new Promise((resolve) => {
        if (!server.listening) return resolve()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
