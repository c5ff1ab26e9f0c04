// Bundles a page's script, and serves it on a port of its own: an origin that is not the API's.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const SCRIPT = fileURLToPath(new URL('page.js', import.meta.url))

export type PageServer = { readonly origin: string; close(): Promise<void> }

/** A page's script as one module. Default: page.js. */
export async function bundle(script = SCRIPT): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    build: { write: false, minify: false, rolldownOptions: { input: script } },
  })
  const [output] = [built].flat()
  if (output === undefined || !('output' in output)) throw new Error('vite built nothing')
  return output.output[0].code
}

/** Serves the page at every path, and its script. */
export async function servePage(script: string): Promise<PageServer> {
  const server = createServer((request, response) => {
    const isScript = request.url === '/page.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(
      isScript
        ? script
        : '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>',
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
