// The last product and its loss, for some columns of the vocabulary at a time.
// Shape legend: N positions, D channels, V vocabulary, C columns that are computed at once.

import { linearCrossEntropyOp } from '../../ops/linear-cross-entropy.ts';
import type { tf } from '../../tensor/tf.ts';
import type { WebGpuBackend } from '../backend.ts';
import type { Program } from '../program.ts';
import { type Product, smallTiles, tilesOf, tilingFor } from './product.ts';
import { productProgram } from './product-program.ts';
import { maxOverLanes, sumOverLanes } from './reduce.ts';
import { registerGpuOp } from './register.ts';

/** Most logits at once: 64 MiB. */
const mostLogits = 2 ** 24;
const lanes = 128;

/** Columns that are computed at once; V if all of them fit. */
const columnsOf = (N: number, V: number) =>
  N * V <= mostLogits ? V : Math.max(64, Math.floor(mostLogits / N / 64) * 64);

const numbers = { N: 'u32', D: 'u32', C: 'u32', first: 'u32', isFirst: 'u32' } as const;

const logits: Product = {
  name: 'logits',
  rows: 'u.N',
  columns: 'u.C',
  depth: 'u.D',
  a: 'hidden[row * u.D + k]',
  aAlong: 'k',
  b: 'weight[(u.first + column) * u.D + k]',
  bAlong: 'k',
  put: 'block[row * u.C + column] = value;',
};

/**
 * A workgroup for each position: adds a block of logits to its largest one, to the sum of exponentials and to the logit
 * of the label, which are kept in `losses` until the last block.
 */
const addBlock = (isWhole: boolean): Program => ({
  name: `LinearCrossEntropy rows ${isWhole}`,
  tensors: { block: 'f32', labels: 'i32', losses: 'f32', maxima: 'f32', sums: 'f32' },
  numbers: { ...numbers, isLast: 'u32' },
  workgroupSize: lanes,
  declarations: `${maxOverLanes(lanes)}\n${sumOverLanes(lanes)}`,
  code: `  let row = group * u.C;
  let label = u32(labels[group]);
  var most = -3.4e38;
  for (var c = lane; c < u.C; c += ${lanes}u) { most = max(most, block[row + c]); }
  most = maxOverLanes(most, lane);
  var before = 0.0; var labelLogit = 0.0;
  if (u.isFirst == 0u) { before = sums[group]; labelLogit = losses[group]; let old = maxima[group];
    let larger = max(old, most); before = before * exp(old - larger); most = larger; }
  let ownLabel = label >= u.first && label < u.first + u.C;
  if (ownLabel) { labelLogit = block[row + label - u.first]; }
  var part = 0.0;
  for (var c = lane; c < u.C; c += ${lanes}u) {
    let e = exp(block[row + c] - most);
    part += e;
  }
  let total = before + sumOverLanes(part, lane);
  ${
    isWhole
      ? `for (var c = lane; c < u.C; c += ${lanes}u) {
    var e = exp(block[row + c] - most);
    if (c == label) { e -= total; }
    block[row + c] = e;
  }`
      : ''
  }
  workgroupBarrier();
  if (lane == 0u) {
    maxima[group] = most;
    sums[group] = total;
    losses[group] = select(labelLogit, most + log(total) - labelLogit, u.isLast == 1u);
  }`,
});

/** Logits become what their gradient is before it is divided by the sum and multiplied by that of the loss. */
const residualsOf: Program = {
  name: 'LinearCrossEntropyGrad residuals',
  tensors: { block: 'f32', labels: 'i32', maxima: 'f32', sums: 'f32' },
  numbers,
  workgroupSize: 256,
  code: `  let i = group * 256u + lane;
  if (i >= u.N * u.C) { return; }
  let row = i / u.C;
  var e = exp(block[i] - maxima[row]);
  if (u32(labels[row]) == u.first + i % u.C) { e -= sums[row]; }
  block[i] = e;`,
};

const hiddenGradient: Product = {
  name: 'ofHidden',
  rows: 'u.N',
  columns: 'u.D',
  depth: 'u.C',
  a: 'block[row * u.C + k] * dy[row] / sums[row]',
  aAlong: 'k',
  b: 'weight[(u.first + k) * u.D + column]',
  bAlong: 'column',
  put: 'let at = row * u.D + column; if (u.isFirst == 1u) { dHidden[at] = value; } else { dHidden[at] += value; }',
};

const weightGradient: Product = {
  name: 'ofWeight',
  rows: 'u.C',
  columns: 'u.D',
  depth: 'u.N',
  a: 'block[k * u.C + row] * dy[k] / sums[k]',
  aAlong: 'row',
  b: 'hidden[k * u.D + column]',
  bAlong: 'column',
  put: 'dWeight[(u.first + row) * u.D + column] = value;',
};

/** Fills a block with the logits of columns from `first` on. */
function runLogits(
  backend: WebGpuBackend,
  tensors: { readonly hidden: Tensor; readonly weight: Tensor; readonly block: Tensor },
  sizes: { readonly N: number; readonly D: number; readonly C: number; readonly first: number },
): void {
  const tiling = tilingFor(backend.commands.device.limits, smallTiles(sizes.N, sizes.C), sizes.D);
  const tensorTypes = { hidden: 'f32', weight: 'f32', block: 'f32' } as const;
  const name = 'LinearCrossEntropy logits';
  const program = productProgram({ name, tensors: tensorTypes, numbers, products: [logits] }, tiling);
  backend.run(program, tensors, { ...sizes, isFirst: 0 }, tilesOf(sizes.N, sizes.C, tiling));
}

type Tensor = Pick<tf.TensorInfo, 'dataId'>;

/** Registers linear cross-entropy and its gradient, which finds residuals saved where the vocabulary is one block. */
export function registerCrossEntropy(): void {
  registerGpuOp(linearCrossEntropyOp, {
    forward: (backend, { hidden, weight, labels }, { sizes: { N, D, V } }) => {
      const widest = columnsOf(N, V);
      const [losses, maxima, sums] = [backend.output([N]), backend.output([N]), backend.output([N])];
      const block = backend.output([N, widest]);
      const program = addBlock(widest === V);
      for (let first = 0; first < V; first += widest) {
        const C = Math.min(widest, V - first);
        runLogits(backend, { hidden, weight, block }, { N, D, C, first });
        const told = { N, D, C, first, isFirst: first === 0 ? 1 : 0, isLast: first + C === V ? 1 : 0 };
        backend.run(program, { block, labels, losses, maxima, sums }, told, N);
      }
      if (widest === V) return { losses, maxima, sums, residuals: block };
      backend.disposeData(block.dataId);
      return { losses, maxima, sums };
    },
    gradient: (backend, { hidden, weight, labels }, { sizes: { N, D, V }, dys, saved }) => {
      const { maxima, sums, residuals } = saved;
      const [dHidden, dWeight] = [backend.output([N, D]), backend.output([V, D])];
      const widest = residuals === undefined ? columnsOf(N, V) : V;
      const block = residuals ?? backend.output([N, widest]);
      for (let first = 0; first < V; first += widest) {
        const C = Math.min(widest, V - first);
        const told = { N, D, C, first, isFirst: first === 0 ? 1 : 0 };
        if (residuals === undefined) {
          runLogits(backend, { hidden, weight, block }, { N, D, C, first });
          backend.run(residualsOf, { block, labels, maxima, sums }, told, Math.ceil((N * C) / 256));
        }
        const tiles = smallTiles(N, D) + smallTiles(C, D);
        const tiling = tilingFor(backend.commands.device.limits, tiles, Math.max(C, N));
        const tensors = {
          hidden: 'f32',
          weight: 'f32',
          block: 'f32',
          dy: 'f32',
          sums: 'f32',
          dHidden: 'f32',
          dWeight: 'f32',
        } as const;
        const name = 'LinearCrossEntropy gradients';
        const products = [weightGradient, hiddenGradient] as const;
        const program = productProgram({ name, tensors, numbers, products }, tiling);
        const firstTiles = tilesOf(C, D, tiling);
        const given = { hidden, weight, block, dy: dys.losses, sums, dHidden, dWeight };
        backend.run(program, given, { ...told, firstTiles }, firstTiles + tilesOf(N, D, tiling));
      }
      if (residuals === undefined) backend.disposeData(block.dataId);
      return { hidden: dHidden, weight: dWeight };
    },
  });
}
