/**
 * Throws, naming the first difference, unless all arrays hold the same bits. vitest's `toEqual` takes seconds for a
 * million.
 */
export function expectSameBits(actual: readonly Float32Array[], expected: readonly Float32Array[]): void {
  if (actual.length !== expected.length) throw new Error(`${actual.length} arrays, expected ${expected.length}`);
  for (const [i, values] of expected.entries()) {
    const [a, e] = [bitsOf(actual[i]!), bitsOf(values)];
    if (a.length !== e.length) throw new Error(`array ${i}: ${a.length} numbers, expected ${e.length}`);
    const at = a.findIndex((bits, j) => bits !== e[j]);
    if (at >= 0) throw new Error(`array ${i}: element ${at} is ${actual[i]![at]}, expected ${values[at]}`);
  }
}

const bitsOf = ({ buffer, byteOffset, length }: Float32Array) => new Int32Array(buffer, byteOffset, length);
