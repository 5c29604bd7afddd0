// Norm, AdamW, moving average over lists of tensors, and overwriting one; src/engine/assembly/optimizer.ts has the tables they walk.

import type { tf } from '../../tensor/tf.ts';
import type { EngineBackend } from '../backend.ts';
import { registerEngineKernel, sizeOf, withWorkspace } from './register.ts';

/** Elements of a block: large enough to make up for a chunk, small enough that threads end together. */
const blockElements = 16384;

/**
 * The rows of a table: for each block of a target, its number of elements and its address in each tensor of the target.
 *
 * `tensors` are those of all targets, `perTarget` of one shape after the other.
 */
function blocksOf(backend: EngineBackend, tensors: readonly tf.TensorInfo[], perTarget: number): number[] {
  const words: number[] = [];
  for (let first = 0; first < tensors.length; first += perTarget) {
    const target = tensors.slice(first, first + perTarget);
    const size = sizeOf(target[0]!.shape);
    const addresses = target.map(backend.address);
    for (let from = 0; from < size; from += blockElements) {
      words.push(Math.min(blockElements, size - from));
      for (const address of addresses) words.push(address + from * 4);
    }
  }
  return words;
}

/** Calls `use` with the address of a copy of `words` in the heap. */
function withTable(backend: EngineBackend, words: readonly number[], use: (table: number) => void): void {
  withWorkspace(backend, [words.length], ([table]) => {
    backend.words(table!, words.length).set(words);
    use(table!);
  });
}

/** Registers the kernels of an optimizer step. */
export function registerOptimizer(): void {
  registerEngineKernel('GlobalNorm', (backend, inputs) => {
    const norm = backend.output([]);
    const words = blocksOf(backend, Object.values(inputs), 1);
    const blocks = words.length / 2;
    withTable(backend, words, (table) => {
      withWorkspace(backend, [blocks * 2], ([sums]) => {
        backend.exports.globalNorm!(table, blocks, sums!, backend.address(norm));
      });
    });
    return norm;
  });
  registerEngineKernel('AdamWUpdate', (backend, inputs, attrs) => {
    const [scale, ...tensors] = Object.values(inputs);
    const { beta1, beta2, gain, gainSq, eps, rate, decay, decayed } = attrs as Record<string, number>;
    const words = blocksOf(backend, tensors.slice(0, 4 * decayed!), 4);
    const decayedBlocks = words.length / 5;
    words.push(...blocksOf(backend, tensors.slice(4 * decayed!), 4));
    withTable(backend, words, (table) => {
      const blocks = words.length / 5;
      const factors = [beta1!, beta2!, gain!, gainSq!, eps!, rate!, decay!];
      backend.exports.adamwUpdate!(table, blocks, decayedBlocks, backend.address(scale!), ...factors);
    });
    return [];
  });
  registerEngineKernel('Overwrite', (backend, { variable, source }) => {
    backend.exports.copyWords!(backend.address(source!), backend.address(variable!), sizeOf(variable!.shape));
    return [];
  });
  registerEngineKernel('EmaUpdate', (backend, inputs, { rest }) => {
    const words = blocksOf(backend, Object.values(inputs), 2);
    withTable(backend, words, (table) => {
      backend.exports.emaUpdate!(table, words.length / 3, Number(rest));
    });
    return [];
  });
}
