// What a variant of the engine must get right before it is used, and how fast it is.

import { type Address, nowhere } from './address.ts';
import { checkDecoder, decoderCheckBytes, smallDecoder } from './decoder-check.ts';
import type { Exports } from './exports.ts';
import { activations } from './operations.ts';

const page = (index: number) => (index * 65536) as Address;
const scratchAt = page(1);
const leftAt = page(2);
const rightAt = page(6);
const outAt = page(10);
const biasAt = page(14);
const packedAt = page(15);
const decoderAt = page(16);

/** Elements of each of these. */
const length = 16384;

/** Bytes of memory that the checks need. */
export const checkBytes: number = page(16 + Math.ceil(decoderCheckBytes / 65536));

/** Repeatable values between -1 and 1. */
function fill(values: Float32Array, seed: number): void {
  for (let i = 0; i < values.length; i++) values[i] = (((i + seed) * 2654435761) % 4096) / 2048 - 1;
}

const viewAt = (memory: WebAssembly.Memory, at: number) => new Float32Array(memory.buffer, at, length);

/** Sizes of matrix products; a sigmoid comes after a bias. */
interface Product {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly activation: 'linear' | 'sigmoid';
}

/** Sizes that are no multiples of any tile, one that is, and one deeper than a panel; all transposes of each. */
const products: readonly Product[] = [
  { batch: 1, m: 1, n: 1, k: 1, activation: 'linear' } as const,
  { batch: 2, m: 7, n: 13, k: 19, activation: 'sigmoid' } as const,
  { batch: 1, m: 30, n: 32, k: 24, activation: 'linear' } as const,
  { batch: 1, m: 13, n: 17, k: 300, activation: 'linear' } as const,
].flatMap((sizes) =>
  [0, 1, 2, 3].map((way) => ({ ...sizes, transposeA: (way & 1) !== 0, transposeB: (way & 2) !== 0 })),
);

function multiply(exports: Exports, { batch, m, n, k, transposeA, transposeB, activation }: Product): void {
  const ways = [transposeA, transposeB] as const;
  const [bias, op] = [activation === 'linear' ? nowhere : biasAt, activations.indexOf(activation)];
  exports.gemm(leftAt, rightAt, outAt, batch, m, n, k, ...ways, m * k, k * n, false, bias, op, packedAt);
}

/** What is wrong with the product in memory, compared with a plain loop; null if nothing is. */
function checkProduct(memory: WebAssembly.Memory, product: Product): string | null {
  const { batch, m, n, k, transposeA, transposeB, activation } = product;
  const [a, b, c, bias] = [leftAt, rightAt, outAt, biasAt].map((at) => viewAt(memory, at));
  for (let i = 0; i < batch * m * n; i++) {
    const [matrix, row, column] = [Math.floor(i / (m * n)), Math.floor(i / n) % m, i % n];
    let sum = activation === 'linear' ? 0 : bias![column]!;
    let size = Math.abs(sum);
    for (let p = 0; p < k; p++) {
      const left = a![matrix * m * k + (transposeA ? p * m + row : row * k + p)]!;
      const right = b![matrix * k * n + (transposeB ? column * k + p : p * n + column)]!;
      sum += left * right;
      size += Math.abs(left * right);
    }
    const expected = activation === 'linear' ? sum : 1 / (1 + Math.exp(-sum));
    // Each addition rounds by at most half a unit (6e-8) of a sum that is no larger than `size`; a sigmoid is four
    // times flatter than its argument, and its own arithmetic is right to some units. NaN is wrong too.
    const close = Math.abs(c![i]! - expected) <= (k + 1) * 6e-8 * size + (activation === 'linear' ? 0 : 5e-7);
    if (!close) return `wrong product of ${m} x ${k} x ${n}: ${c![i]}, not ${expected}`;
  }
  return null;
}

/** Elements of a SwiGLU: no multiple of a vector, so its vectors and what is left over of them are both checked. */
const gates = 205;

const swiglu = (exports: Exports) => exports.swiglu(leftAt, rightAt, outAt, gates);

/** What is wrong with silu(gate) * up in memory; null if nothing is. This tests all kernels that use exponentials. */
function checkSwiGlu(memory: WebAssembly.Memory): string | null {
  const [gate, up, out] = [leftAt, rightAt, outAt].map((at) => viewAt(memory, at));
  for (let i = 0; i < gates; i++) {
    const expected = (gate![i]! / (1 + Math.exp(-gate![i]!))) * up![i]!;
    // Values are between -1 and 1; a few roundings of numbers below 1.
    const close = Math.abs(out![i]! - expected) <= 5e-7;
    if (!close) return `wrong SwiGLU: ${out![i]}, not ${expected}`;
  }
  return null;
}

/**
 * How long the kernels run before they are checked and timed, in milliseconds: V8 compiles what runs often a second
 * time, optimised and in the background, and it is that code that must be right.
 */
const warmUp = 20;

/** Runs kernels on small inputs, warm, and compares; says what is wrong, or null. */
export function checkKernels(exports: Exports, memory: WebAssembly.Memory): string | null {
  exports.initThread(0, scratchAt);
  for (const at of [leftAt, rightAt, biasAt]) fill(viewAt(memory, at), at);
  const runs = [
    ...products.map((product) => ({
      run: () => multiply(exports, product),
      check: () => checkProduct(memory, product),
    })),
    { run: () => swiglu(exports), check: () => checkSwiGlu(memory) },
  ];
  const decode = smallDecoder(exports, memory, decoderAt);
  const deadline = performance.now() + warmUp;
  do {
    for (const { run } of runs) run();
    for (const each of [1, 2, 3]) decode(each);
  } while (performance.now() < deadline);
  for (const { run, check } of runs) {
    viewAt(memory, outAt).fill(Number.NaN);
    run();
    const problem = check();
    if (problem !== null) return problem;
  }
  return checkDecoder(decode);
}

/** GFLOP/s of a small matrix product on this thread, in about a millisecond. */
export function measureSpeed(exports: Exports): number {
  const [m, n, k] = [120, 96, 128];
  const times = 8;
  const start = performance.now();
  for (let i = 0; i < times; i++) {
    exports.gemm(leftAt, rightAt, outAt, 1, m, n, k, false, false, 0, 0, false, nowhere, 0, nowhere);
  }
  return (2 * m * n * k * times) / (performance.now() - start) / 1e6;
}
