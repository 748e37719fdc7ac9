/**
 * Strings in HPACK's Huffman code: RFC 7541, section 5.2 and appendix B.
 *
 * The decoder is a state machine that reads a byte at a time. Its states are the inner nodes of the code's tree: how much of a
 * code it has read. A code has 5 bits or more, so that a byte completes two codes at most.
 */
import { HpackError } from "./hpack-error.ts";
import { huffmanCodeBits, huffmanCodes } from "./tables.ts";

const endOfString = 256;
/** A tree with 257 leaves has one inner node fewer. */
const states = 256;
/** Each byte of a string encodes at most 8/5 octets. */
const maxOctetsPerByte = 2;

/** A step, in place of one that completes EOS: a string must not contain it. */
const forbidden = -1;
/** Where a step has its parts. Its lowest 8 bits are the next state. */
const countShift = 8;
const firstShift = 10;
const secondShift = 18;

/** The step of each state for each byte. */
const steps = stepsOf(codeTree());

/** Strings up to 2 KiB, which is nearly all, are decoded in here. */
const scratch = Buffer.allocUnsafeSlow(4096);

/**
 * Decodes `bytes` from `from` up to `to`.
 *
 * @returns the octets as a latin1 string
 * @throws HpackError if the string contains EOS, or ends neither after a code nor with the padding that the RFC prescribes
 */
export function decodeHuffman(bytes: Uint8Array, from: number, to: number): string {
  const maxOctets = (to - from) * maxOctetsPerByte;
  const octets = maxOctets <= scratch.length ? scratch : Buffer.allocUnsafe(maxOctets);
  let count = 0;
  let state = 0;
  for (let at = from; at < to; at++) {
    const step = steps[(state << 8) | (bytes[at] ?? 0)] ?? forbidden;
    if (step === forbidden) throw new HpackError("a Huffman-coded string contains the end-of-string symbol");
    // A step may complete fewer octets. What it writes beyond them is overwritten, or left out.
    octets[count] = step >>> firstShift;
    octets[count + 1] = step >>> secondShift;
    count += (step >>> countShift) & 3;
    state = step & 0xff;
  }
  // Up to 7 ones are padding, and lead to the states 1 to 7.
  if (state > 7) throw new HpackError("a Huffman-coded string has wrong padding");
  return octets.toString("latin1", 0, count);
}

/** The children of each inner node: `tree[2 * node + bit]` is an inner node, or `~symbol`. The root is 0. */
function codeTree(): Int16Array {
  const tree = new Int16Array(2 * states);
  let nodes = 1;
  const add = (symbol: number) => {
    const code = huffmanCodes[symbol] ?? 0;
    let node = 0;
    for (let bit = (huffmanCodeBits[symbol] ?? 0) - 1; bit > 0; bit--) {
      const side = 2 * node + ((code >>> bit) & 1);
      // The root is nobody's child, so 0 marks a missing one.
      if (tree[side] === 0) tree[side] = nodes++;
      node = tree[side] ?? 0;
    }
    tree[2 * node + (code & 1)] = ~symbol;
  };
  // EOS consists of ones. It comes first, so that n ones lead from the root to the node n.
  add(endOfString);
  for (let symbol = 0; symbol < endOfString; symbol++) add(symbol);
  return tree;
}

function stepsOf(tree: Int16Array): Int32Array {
  const steps = new Int32Array(states << 8);
  for (let state = 0; state < states; state++) {
    for (let byte = 0; byte < 256; byte++) steps[(state << 8) | byte] = stepOf(tree, state, byte);
  }
  return steps;
}

function stepOf(tree: Int16Array, state: number, byte: number): number {
  let node = state;
  let count = 0;
  let octets = 0;
  for (let bit = 7; bit >= 0; bit--) {
    const child = tree[2 * node + ((byte >>> bit) & 1)] ?? 0;
    if (child >= 0) {
      node = child;
      continue;
    }
    if (~child === endOfString) return forbidden;
    octets |= ~child << (count * 8);
    count++;
    node = 0;
  }
  return node | (count << countShift) | (octets << firstShift);
}
