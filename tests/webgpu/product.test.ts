// Products in every tiling that a GPU may be given, on sizes that no tile fits.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import {
  lanesOf,
  type Product,
  productFunction,
  productMemory,
  type Tiling,
  tilesOf,
  tilingFor,
  tilingName,
} from '../../src/webgpu/kernels/product.ts';
import type { Program } from '../../src/webgpu/program.ts';
import { runningWebGpu } from '../../src/webgpu/running.ts';
import { expectAllClose } from '../all-close.ts';
import { whyNoGpu } from './software-gpu.ts';

const missing = await whyNoGpu();

const tilings: readonly Tiling[] = [
  { tile: 32, parts: 1, deep: 16 },
  { tile: 32, parts: 2, deep: 16 },
  { tile: 32, parts: 4, deep: 8 },
  { tile: 64, parts: 1, deep: 16 },
];

/** C = A B, A and B transposed or not. */
function programOf(transposeA: boolean, transposeB: boolean, tiling: Tiling): Program {
  const product: Product = {
    name: 'product',
    rows: 'u.N',
    columns: 'u.M',
    depth: 'u.K',
    a: transposeA ? 'a[k * u.N + row]' : 'a[row * u.K + k]',
    aAlong: transposeA ? 'row' : 'k',
    b: transposeB ? 'b[column * u.K + k]' : 'b[k * u.M + column]',
    bAlong: transposeB ? 'k' : 'column',
    put: 'c[row * u.M + column] = value;',
  };
  return {
    name: `test ${transposeA} ${transposeB} ${tilingName(tiling)}`,
    tensors: { a: 'f32', b: 'f32', c: 'f32' },
    numbers: { N: 'u32', M: 'u32', K: 'u32' },
    workgroupSize: lanesOf(tiling),
    declarations: `${productMemory(tiling)}\n${productFunction(product, tiling)}`,
    code: '  product(group, lane);',
  };
}

describe('the choice of a tiling', () => {
  const weak = { maxComputeWorkgroupStorageSize: 16_384, maxComputeInvocationsPerWorkgroup: 256 };
  const strong = { maxComputeWorkgroupStorageSize: 49_152, maxComputeInvocationsPerWorkgroup: 1024 };

  it('property: keeps to the limits of the device', () => {
    for (const limits of [weak, strong]) {
      for (const tiles of [1, 10, 100, 1000, 10_000]) {
        for (const depth of [1, 16, 64, 300, 5000]) {
          const tiling = tilingFor(limits, tiles, depth);
          const bytes = Number(/array<vec4f, (\d+)>/.exec(productMemory(tiling))?.[1]) * 16;
          expect(lanesOf(tiling)).toBeLessThanOrEqual(limits.maxComputeInvocationsPerWorkgroup);
          expect(bytes).toBeLessThanOrEqual(limits.maxComputeWorkgroupStorageSize);
        }
      }
    }
  });

  it('shares the depth of few tiles among more lanes, the more a device has', () => {
    expect(tilingFor(weak, 8, 1024).parts).toBe(4);
    expect(tilingFor(strong, 8, 1024).parts).toBe(8);
    expect(tilingFor(strong, 8, 16).parts).toBe(1);
    expect(tilingFor(strong, 5000, 1024)).toEqual({ tile: 64, parts: 1, deep: 16 });
  });
});

describe('products', () => {
  if (missing !== null) {
    // A user's machine need not have a driver. CI installs one in software, so this is never skipped there.
    it.skip(`are not tested: ${missing}`);
    return;
  }
  beforeAll(() => activateBackend('webgpu'));
  afterAll(() => tf.removeBackend('webgpu'));

  const sizes = [
    [1, 1, 1],
    [33, 65, 7],
    [70, 31, 130],
  ] as const;
  const transposes = [
    [false, true],
    [true, false],
  ] as const;
  const cases = tilings.flatMap((tiling) => transposes.map(([a, b]) => [tiling, a, b] as const));

  it.each(cases)('in tiles %o, transposed %s and %s: those of plain loops', async (tiling, transposeA, transposeB) => {
    const gpu = runningWebGpu()!;
    for (const [N, M, K] of sizes) {
      const [a, b] = [normalArray(N * K, 1, 1), normalArray(K * M, 1, 2)];
      const expected = Float32Array.from({ length: N * M }, (_, i) => {
        const [row, column] = [Math.floor(i / M), i % M];
        let sum = 0;
        for (let k = 0; k < K; k++) {
          sum += a[transposeA ? k * N + row : row * K + k]! * b[transposeB ? column * K + k : k * M + column]!;
        }
        return sum;
      });
      const tensors = { a: tf.tensor1d(a), b: tf.tensor1d(b) };
      const c = tf.engine().makeTensorFromTensorInfo(gpu.output([N, M]));
      gpu.run(programOf(transposeA, transposeB, tiling), { ...tensors, c }, { N, M, K }, tilesOf(N, M, tiling));
      // Sums of up to 130 terms of size 1 in another order.
      expectAllClose(await c.data(), expected, { rtol: 0, atol: 1e-4 }, `${N} x ${M} x ${K}`);
      tf.dispose([tensors.a, tensors.b, c]);
    }
  });
});
