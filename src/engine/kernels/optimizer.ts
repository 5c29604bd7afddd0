// Norm, AdamW, moving average over lists of tensors, and overwriting one; src/engine/assembly/optimizer.ts has the
// tables they walk.

import { adamwUpdateBfloat16Op, adamwUpdateOp } from '../../ops/adamw-update.ts';
import type { AttributesOf } from '../../ops/define-op.ts';
import { emaUpdateOp } from '../../ops/ema-update.ts';
import { globalNormOp } from '../../ops/global-norm.ts';
import { overwriteOp } from '../../ops/overwrite.ts';
import type { tf } from '../../tensor/tf.ts';
import type { Address } from '../address.ts';
import type { EngineBackend } from '../backend.ts';
import { registerEngineListOp, registerEngineOp, sizeOf, withWorkspace } from './register.ts';

/** Elements of a block: large enough to make up for a chunk, small enough that threads end together. */
const blockElements = 16384;

/**
 * The rows of a table: for each block of an item, its number of elements and its address in each tensor of the item,
 * whose elements have four bytes, or two where an int32 has two of them.
 */
function blocksOf(backend: EngineBackend, items: readonly (readonly tf.TensorInfo[])[]): number[] {
  const words: number[] = [];
  for (const item of items) {
    const size = sizeOf(item[0]!.shape);
    const places = item.map((tensor) => [backend.address(tensor), tensor.dtype === 'int32' ? 2 : 4] as const);
    for (let from = 0; from < size; from += blockElements) {
      words.push(Math.min(blockElements, size - from));
      for (const [address, bytesEach] of places) words.push(address + from * bytesEach);
    }
  }
  return words;
}

/** Calls `use` with the address of a copy of `words` in the heap. */
function withTable(backend: EngineBackend, words: readonly number[], use: (table: Address) => void): void {
  withWorkspace(backend, [words.length], (table) => {
    backend.words(table, words.length).set(words);
    use(table);
  });
}

type AdamWItem = Readonly<Record<(typeof adamwUpdateOp)['spec']['item'][number], tf.TensorInfo>>;

/** Registers the kernels of an optimizer step. */
export function registerOptimizer(): void {
  registerEngineListOp(globalNormOp, (backend, _, items) => {
    const norm = backend.output([]);
    const words = blocksOf(
      backend,
      items.map(({ tensor }) => [tensor]),
    );
    const blocks = words.length / 2;
    withTable(backend, words, (table) => {
      withWorkspace(backend, [blocks * 2], (sums) => {
        backend.exports.globalNorm(table, blocks, sums, backend.address(norm));
      });
    });
    return { norm };
  });
  registerEngineListOp(adamwUpdateOp, (backend, { scale }, items, attrs) =>
    updateAll(backend, scale, items, attrs, false),
  );
  registerEngineListOp(adamwUpdateBfloat16Op, (backend, { scale }, items, attrs) =>
    updateAll(backend, scale, items, attrs, true),
  );
  registerEngineListOp(emaUpdateOp, (backend, _, items, { rest }) => {
    const words = blocksOf(
      backend,
      items.map(({ average, parameter }) => [average, parameter]),
    );
    withTable(backend, words, (table) => {
      backend.exports.emaUpdate(table, words.length / 3, rest);
    });
    return {};
  });
  registerEngineOp(overwriteOp, {
    forward: (backend, { variable, source }, { sizes: { N } }) => {
      backend.exports.copyWords(backend.address(source), backend.address(variable), N);
      return {};
    },
  });
}

/** Moves parameters and moments; these are packed in pairs if `arePairs`. */
function updateAll(
  backend: EngineBackend,
  scale: tf.TensorInfo,
  items: readonly AdamWItem[],
  attrs: AttributesOf<(typeof adamwUpdateOp)['spec']>,
  arePairs: boolean,
): Record<never, never> {
  const { beta1, beta2, gain, gainSq, eps, rate, decay, decayed } = attrs;
  const tensors = items.map(({ parameter, gradient, expAvg, expAvgSq }) => [parameter, gradient, expAvg, expAvgSq]);
  const words = blocksOf(backend, tensors.slice(0, decayed));
  const decayedBlocks = words.length / 5;
  words.push(...blocksOf(backend, tensors.slice(decayed)));
  withTable(backend, words, (table) => {
    const blocks = words.length / 5;
    const factors = [beta1, beta2, gain, gainSq, eps, rate, decay] as const;
    backend.exports.adamwUpdate(table, blocks, decayedBlocks, backend.address(scale), ...factors, arePairs);
  });
  return {};
}
