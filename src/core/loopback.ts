// Recognises names and addresses of this machine: for the development pages, which only it may use, and where plain
// http is safe.

import ipaddr from 'ipaddr.js'

/** A host with an optional port; an IPv6 address is in brackets. */
const HOST = /^(?:\[([^\]]+)\]|([^:]+))(?::\d+)?$/

/**
 * Whether a Host header, or a URL's host, names the loopback. Any other name that resolves here may belong to another
 * site's page.
 */
export function isLoopbackName(host: string | undefined): boolean {
  const [, inBrackets, name] = HOST.exec(host ?? '') ?? []
  return name === 'localhost' || isLoopbackAddress(inBrackets ?? name)
}

/** Whether the client is on this machine. The Host header does not tell, since the client chooses it. */
export function isLoopbackAddress(ip = ''): boolean {
  return ipaddr.isValid(ip) && ipaddr.process(ip).range() === 'loopback'
}

/** Whether an Origin header names a page on this machine. */
export function isLoopbackOrigin(origin: string): boolean {
  return isLoopbackName(URL.parse(origin)?.host)
}

/** Whether a configured host, as a name or an address, is the loopback. */
export function isLoopbackHost(host: string): boolean {
  return isLoopbackName(host) || isLoopbackAddress(host)
}
