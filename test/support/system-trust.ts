/**
 * For npm: trust whom the machine trusts, among them whoever signs for a proxy before the registry. By itself, Node trusts the
 * authorities that it brings along.
 */
export const systemTrust = { NODE_USE_SYSTEM_CA: "1" };
