// What names this machine to itself: for pages of development, which are for nobody else, and where plain http is safe.

const LOOPBACK_ADDRESS = /^((::ffff:)?127(\.\d{1,3}){3}|::1)$/
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/

/** Whether a Host header, or a URL's host, names the loopback: another name, though it led here, is somebody else's page asking. */
export function isLoopbackName(host: string | undefined): boolean {
  return LOOPBACK.test(host ?? '')
}

/** Whether whoever is connected is on this machine: a Host header says whatever its sender likes. */
export function isLoopbackAddress(ip: string | undefined): boolean {
  return LOOPBACK_ADDRESS.test(ip ?? '')
}

/** Whether an Origin header is of a page on this machine that says so. */
export function isLoopbackOrigin(origin: string): boolean {
  return isLoopbackName(URL.parse(origin)?.host)
}

/** Whether what somebody configured as a host, a name or an address, is the loopback. */
export function isLoopbackHost(host: string): boolean {
  return isLoopbackName(host) || isLoopbackAddress(host)
}
