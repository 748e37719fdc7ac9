/** The two layers that serve HTTP/2, as `--http2` names them. */
export const http2Layers = ["own", "node"] as const;
export type Http2Layer = (typeof http2Layers)[number];

/**
 * @param names as a command line has them, separated by commas
 * @throws Error for another name
 */
export function readHttp2Layers(names: string): readonly Http2Layer[] {
  return names.split(",").map((name) => {
    const layer = http2Layers.find((known) => known === name.trim());
    if (layer === undefined) throw new Error(`--http2 takes ${http2Layers.join(", ")}, not "${name}"`);
    return layer;
  });
}
