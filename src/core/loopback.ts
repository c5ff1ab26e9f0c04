// Recognises names and addresses of this machine: for the development pages, which only it may use, and where plain
// http is safe.

const LOOPBACK_ADDRESS = /^((::ffff:)?127(\.\d{1,3}){3}|::1)$/
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/

/**
 * Whether a Host header, or a URL's host, names the loopback. Any other name that resolves here may belong to another
 * site's page.
 */
export function isLoopbackName(host: string | undefined): boolean {
  return LOOPBACK.test(host ?? '')
}

/** Whether the client is on this machine. The Host header does not tell, since the client chooses it. */
export function isLoopbackAddress(ip: string | undefined): boolean {
  return LOOPBACK_ADDRESS.test(ip ?? '')
}

/** Whether an Origin header names a page on this machine. */
export function isLoopbackOrigin(origin: string): boolean {
  return isLoopbackName(URL.parse(origin)?.host)
}

/** Whether a configured host, as a name or an address, is the loopback. */
export function isLoopbackHost(host: string): boolean {
  return isLoopbackName(host) || isLoopbackAddress(host)
}
