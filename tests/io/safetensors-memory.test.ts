import { describe, expect, it } from 'vitest';
import { readSafetensors, writeSafetensors } from '../../src/io/safetensors-memory.ts';

const tensors = [
  { name: 'b', shape: [2, 2], data: Float32Array.of(1, -2, 0.5, 3) },
  { name: 'a', shape: [], data: Float32Array.of(1.0009765625) },
];
const sorted = tensors.toReversed();

describe('safetensors in memory', () => {
  it('come back as they were, by name', () => {
    expect(readSafetensors(writeSafetensors(tensors))).toEqual(sorted);
    expect(writeSafetensors(sorted)).toEqual(writeSafetensors(tensors));
  });

  it('can be written in 16 bits', () => {
    const bytes = writeSafetensors(tensors, 'BF16');
    // A bfloat16 has 8 bits of mantissa, its leading one included.
    expect(readSafetensors(bytes)[0]?.data).toEqual(Float32Array.of(1));
    expect(bytes.length).toBeLessThan(writeSafetensors(tensors).length);
  });

  it('that are damaged are named', () => {
    expect(() => readSafetensors(writeSafetensors(tensors).subarray(0, -1), 'w.safetensors')).toThrow('w.safetensors');
  });
});
