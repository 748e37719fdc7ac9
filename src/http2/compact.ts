/** A view on a buffer, or a copy where the view would keep a much larger buffer in memory. */
export function compact(view: Buffer): Buffer {
  return view.length * 4 <= view.buffer.byteLength ? copyOf(view) : view;
}

/**
 * A copy with memory of its own. Node makes small buffers from pools of 64 KiB, each of which lives as long as any of its buffers.
 *
 * @param capacity the size of the copy
 */
export function copyOf(bytes: Uint8Array, capacity: number = bytes.length): Buffer {
  const copy = Buffer.allocUnsafeSlow(capacity);
  copy.set(bytes);
  return copy;
}
