/** Addresses of proxies and load balancers, behind which are many callers. */
import { BlockList, isIP } from "node:net";

/** IP addresses and CIDR ranges, such as 10.0.0.0/8. */
export type TrustedProxies = readonly string[];

/**
 * @param text IPv4 and IPv6 addresses and CIDR ranges, separated by commas; empty for none
 * @throws Error that names the wrong one, and what is wrong with it
 */
export function parseTrustedProxies(text: string): TrustedProxies {
  if (text === "") return [];
  const ranges = text.split(",").map((part) => part.trim());
  for (const range of ranges) addRange(new BlockList(), range);
  return ranges;
}

/** @returns whether an address of a socket is one of the proxies */
export function addressMatcher(proxies: TrustedProxies): (address: string) => boolean {
  const ranges = new BlockList();
  for (const range of proxies) addRange(ranges, range);
  return (address) => {
    const [withoutZone = ""] = address.split("%");
    const family = familyOf(withoutZone);
    // BlockList also finds an IPv4 address in its IPv6 form (::ffff:10.0.0.1).
    return family !== undefined && ranges.check(withoutZone, family);
  };
}

function addRange(ranges: BlockList, text: string): void {
  const wrong = (what: string) =>
    new Error(`${what}. Expected ADDRESS or ADDRESS/BITS, as in 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32.`);
  if (text === "") throw wrong("There is nothing before or after a comma");
  const [address = "", bits, ...rest] = text.split("/");
  const family = familyOf(address);
  if (family === undefined || rest.length > 0) throw wrong(`${text} is not an IP address or range`);
  if (bits === undefined) {
    ranges.addAddress(address, family);
    return;
  }
  const maxBits = family === "ipv4" ? 32 : 128;
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > maxBits) {
    throw wrong(`${text} has no prefix of 0 to ${maxBits} bits after the /`);
  }
  ranges.addSubnet(address, Number(bits), family);
}

function familyOf(address: string): "ipv4" | "ipv6" | undefined {
  const version = isIP(address);
  if (version === 0 || address.includes("%")) return undefined;
  return version === 4 ? "ipv4" : "ipv6";
}
