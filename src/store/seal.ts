/**
 * Seals: while a feature is on, every user has one. It holds u32 (little-endian) the generation under which the user was last written,
 * and the etag that it got. A version of Rollcall that does not know the feature leaves another etag behind, or no seal: the seal is
 * broken. configuration.lua and seals.lua have the same in Redis.
 */
import type { Seals } from "../users/store-configuration.ts";
import type { StoreMetric } from "./adapter.ts";

const generationBytes = 4;

export function sealOf(generation: number, etag: string): Uint8Array {
  const seal = Buffer.alloc(generationBytes + Buffer.byteLength(etag));
  seal.writeUInt32LE(generation);
  seal.write(etag, generationBytes);
  return seal;
}

/**
 * `broken` if somebody who does not seal has written the user; `missing` if the user was there before users were sealed.
 *
 * @param seal undefined if the user has none
 */
export function stateOfSeal(seal: Uint8Array | undefined, etag: string, seals: Seals): "whole" | "missing" | "broken" {
  const view = Buffer.from(seal ?? nothing);
  if (view.length <= generationBytes || view.readUInt32LE() < seals.since) return seals.complete ? "broken" : "missing";
  return view.toString("utf8", generationBytes) === etag ? "whole" : "broken";
}

const nothing = new Uint8Array();

/** @param read how many there were since the start */
export function brokenSealsCounter(read: () => number): StoreMetric {
  const description = "Users that a server wrote which does not know the store's features; found and mended.";
  return { name: "rollcall.store.broken_seals", options: { description }, read };
}
