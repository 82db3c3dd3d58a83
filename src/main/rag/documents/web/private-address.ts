import { BlockList, isIP, isIPv4 } from 'node:net'

// IANA's special-purpose registries (RFC 6890): everything that is not the public internet.
const v4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const
const v6 = [
  ['::', 128],
  ['::1', 128],
  ['100::', 64],
  ['2001:db8::', 32],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const

const blocked = new BlockList()
for (const [net, prefix] of v4) blocked.addSubnet(net, prefix, 'ipv4')
for (const [net, prefix] of v6) blocked.addSubnet(net, prefix, 'ipv6')

/** Whether an IP address leads to this machine, its network or nowhere. Addresses that carry an IPv4 one inside (mapped, NAT64, 6to4) count as it. */
export function isPrivateAddress(address: string): boolean {
  const bare = address.replace(/^\[|\]$/g, '').split('%')[0]
  if (isIPv4(bare)) return blocked.check(bare, 'ipv4')
  if (isIP(bare) !== 6) return true
  const inside = carriedIPv4(groupsOf(bare))
  return blocked.check(bare, 'ipv6') || (inside !== null && blocked.check(inside, 'ipv4'))
}

/** The eight 16-bit groups of an IPv6 address. */
function groupsOf(address: string): number[] {
  const dotted = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((group) => group.toString(16)).join(':'),
  )
  const [head, tail] = dotted.split('::').map((half) => (half ? half.split(':') : []))
  const zeros = tail ? Array<string>(8 - head.length - tail.length).fill('0') : []
  return [...head, ...zeros, ...(tail ?? [])].map((group) => parseInt(group, 16))
}

function carriedIPv4(groups: number[]): string | null {
  const at = (i: number) => [groups[i] >> 8, groups[i] & 255, groups[i + 1] >> 8, groups[i + 1] & 255].join('.')
  const zeros = groups.slice(0, 5).every((group) => group === 0)
  if (zeros && (groups[5] === 0xffff || groups[5] === 0)) return at(6)
  if (groups[0] === 0x64 && groups[1] === 0xff9b) return at(6)
  return groups[0] === 0x2002 ? at(1) : null
}
