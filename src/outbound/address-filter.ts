import ipaddr from 'ipaddr.js'

/** Which addresses this server may send requests to: public ones, and what the operator allowed. */
export interface AddressFilter {
  /** The operator named this host and port, whatever address it has. */
  allowsHost(hostname: string, port: number): boolean
  /** Whether a request may go to this address. */
  allowsAddress(address: string): boolean
}

/** @param exceptions `host:port` or CIDR ranges (OUTBOUND_ALLOW) */
export function createAddressFilter(exceptions: readonly string[]): AddressFilter {
  const isRange = (item: string) => item.includes('/')
  const hosts = new Set(exceptions.filter((item) => !isRange(item)).map((item) => item.toLowerCase()))
  const ranges = exceptions.filter(isRange).map((item) => ipaddr.parseCIDR(item))
  return {
    allowsHost: (hostname, port) => hosts.has(`${hostname.toLowerCase()}:${port}`),
    allowsAddress: (text) => {
      if (!ipaddr.isValid(text)) return false
      const address = ipaddr.process(text) // an IPv4 address in IPv6 is judged as what it is
      const isAllowed = (range: (typeof ranges)[number]) => address.kind() === range[0].kind() && address.match(range)
      // "unicast" is what belongs to nobody in particular: private, shared, link-local, reserved and translated ones have names.
      return address.range() === 'unicast' || ranges.some(isAllowed)
    },
  }
}
