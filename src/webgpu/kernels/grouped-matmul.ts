// Rows sorted by expert, times the matrix of each, where an op for all of the experts' work is not used.
// Shape legend: M rows, E experts, I and O input and output width.
//
// `starts`: [E + 1] where the rows of each expert begin, and where the last end; a plan of experts-rows.ts begins so.

import { groupedMatMulOp } from '../../ops/grouped-matmul.ts';
import type { tf } from '../../tensor/tf.ts';
import type { WebGpuBackend } from '../backend.ts';
import type { Program } from '../program.ts';
import { findings, grouped, rowTiles, tilesAcross, tiling, weightGradient } from './experts-products.ts';
import { lanesOf, type Product, productFunction, productMemory, tilingName } from './product.ts';
import { registerGpuOp } from './register.ts';

const programOf = (name: string, tensors: Program['tensors'], product: Product): Program => ({
  name: `${name} ${tilingName(tiling)}`,
  tensors: { ...tensors, plan: 'i32' },
  numbers: { E: 'u32', I: 'u32', O: 'u32' },
  workgroupSize: lanesOf(tiling),
  declarations: `${findings}\n${productMemory(tiling)}\n${productFunction(product, tiling)}`,
  code: '  product(group, lane);',
});

const forward = programOf(
  'GroupedMatMul',
  { x: 'f32', weight: 'f32', y: 'f32' },
  grouped(
    {
      name: 'product',
      columns: 'u.O',
      a: 'x[row * u.I + k]',
      aAlong: 'k',
      b: 'weight[(expert * u.O + column) * u.I + k]',
      bAlong: 'k',
      put: 'y[row * u.O + column] = value;',
    },
    'u.I',
  ),
);

const ofRows = programOf(
  'GroupedMatMulGrad rows',
  { dy: 'f32', weight: 'f32', dx: 'f32' },
  grouped(
    {
      name: 'product',
      columns: 'u.I',
      a: 'dy[row * u.O + k]',
      aAlong: 'k',
      b: 'weight[(expert * u.O + k) * u.I + column]',
      bAlong: 'column',
      put: 'dx[row * u.I + column] = value;',
    },
    'u.O',
  ),
);

const ofWeight = programOf(
  'GroupedMatMulGrad weight',
  { dy: 'f32', x: 'f32', dWeight: 'f32' },
  weightGradient({
    name: 'product',
    rows: 'u.O',
    columns: 'u.I',
    a: 'dy[(begin + k) * u.O + row]',
    aAlong: 'row',
    b: 'x[(begin + k) * u.I + column]',
    bAlong: 'column',
    put: 'dWeight[(expert * u.O + row) * u.I + column] = value;',
  }),
);

type Tensor = Pick<tf.TensorInfo, 'dataId'>;
type Sizes = Readonly<Record<'M' | 'E' | 'I' | 'O', number>>;

/** y = x W^T for the rows of each expert: a new tensor [M, O]. */
export function groupedProduct(
  backend: WebGpuBackend,
  { x, weight, starts }: { readonly x: Tensor; readonly weight: Tensor; readonly starts: Tensor },
  { M, E, I, O }: Sizes,
): tf.TensorInfo {
  const y = backend.output([M, O]);
  backend.run(forward, { x, weight, y, plan: starts }, { E, I, O }, rowTiles(M, E) * tilesAcross(O));
  return y;
}

/** dx = dy W for the rows of each expert: a new tensor [M, I]. */
export function groupedRowGradient(
  backend: WebGpuBackend,
  { dy, weight, starts }: { readonly dy: Tensor; readonly weight: Tensor; readonly starts: Tensor },
  { M, E, I, O }: Sizes,
): tf.TensorInfo {
  const dx = backend.output([M, I]);
  backend.run(ofRows, { dy, weight, dx, plan: starts }, { E, I, O }, rowTiles(M, E) * tilesAcross(I));
  return dx;
}

/** dW = dy^T x over the rows of each expert, 0 where it has none: a new tensor [E, O, I]. */
export function groupedWeightGradient(
  backend: WebGpuBackend,
  { dy, x, starts }: { readonly dy: Tensor; readonly x: Tensor; readonly starts: Tensor },
  { E, I, O }: Sizes,
): tf.TensorInfo {
  const dWeight = backend.output([E, O, I]);
  backend.run(ofWeight, { dy, x, dWeight, plan: starts }, { E, I, O }, E * tilesAcross(O) * tilesAcross(I));
  return dWeight;
}

/**
 * Calls `use` with the starts of rows that are counted by the host.
 *
 * @throws Error if they are not those of M rows and E experts
 */
export function withStarts<T>(
  backend: WebGpuBackend,
  counts: readonly number[],
  M: number,
  use: (starts: Tensor) => T,
): T {
  const ends = Int32Array.from(counts);
  for (let e = 1; e < ends.length; e++) ends[e]! += ends[e - 1]!;
  if (ends.at(-1) !== M || counts.some((count) => !(count >= 0))) {
    throw new Error(`groupedMatMul: counts of ${M} rows expected, found [${counts}]`);
  }
  const starts = backend.upload(Int32Array.from([0, ...ends]));
  const result = use(starts);
  backend.disposeData(starts.dataId);
  return result;
}

/** Registers the product and its gradient. */
export function registerGroupedMatMul(): void {
  registerGpuOp(groupedMatMulOp, {
    forward: (backend, { x, weight }, { attrs: { counts }, sizes }) =>
      withStarts(backend, counts, sizes.M, (starts) => ({ y: groupedProduct(backend, { x, weight, starts }, sizes) })),
    gradient: (backend, { x, weight }, { attrs: { counts }, sizes, dys: { y: dy } }) =>
      withStarts(backend, counts, sizes.M, (starts) => ({
        x: groupedRowGradient(backend, { dy, weight, starts }, sizes),
        weight: groupedWeightGradient(backend, { dy, x, starts }, sizes),
      })),
  });
}
