// Which peers are trusted proxies, whose X-Forwarded-For is used; and a warning when another peer sends one.
import type { IncomingHttpHeaders } from 'node:http'
import { BlockList, isIP } from 'node:net'
import type { Logger } from '../core/logger.ts'

export type TrustedProxies = {
  has(address: string | undefined): boolean
  /**
   * Warns, once per process, of an ignored forwarding header: all clients of that proxy then share its address and its
   * bounds.
   */
  notice(headers: IncomingHttpHeaders, peer: string | undefined): void
}

/** `networks`: addresses, and networks in CIDR notation. */
export function createTrustedProxies(networks: readonly string[], logger: Logger): TrustedProxies {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const family = familyOf(address)
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  let hasWarned = false

  function has(address: string | undefined): boolean {
    return networks.length > 0 && address !== undefined && list.check(address, familyOf(address))
  }

  return {
    has,
    notice(headers, peer) {
      if (hasWarned) return
      const name = headers['x-forwarded-for'] !== undefined ? 'X-Forwarded-For' : 'Forwarded'
      if (name === 'Forwarded' && headers.forwarded === undefined) return
      if (name === 'X-Forwarded-For' && has(peer)) return
      hasWarned = true
      const advice =
        name === 'Forwarded'
          ? 'only X-Forwarded-For is read: have your proxy send it, and name the proxy in TRUSTED_PROXIES'
          : `if it is your proxy, set TRUSTED_PROXIES to its address or network; else keep others from reaching this port`
      logger.warn({ peer, header: name }, `a forwarded client address was ignored: ${advice}`)
    },
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4'
}
