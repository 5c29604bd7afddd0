// TF.js's BatchMatMul: the router's product, and those of references.

import { tf } from '../../tensor/tf.ts';
import type { WebGpuBackend } from '../backend.ts';
import type { Program } from '../program.ts';
import {
  lanesOf,
  productFunction,
  productMemory,
  smallTiles,
  type Tiling,
  tilesOf,
  tilingFor,
  tilingName,
} from './product.ts';
import { backendName } from './register.ts';

/** C [S, N, M] of S matrices each, of which one may be the same for all: its step from matrix to matrix is then 0. */
function programOf(transposeA: boolean, transposeB: boolean, tiling: Tiling): Program {
  const product = productFunction(
    {
      name: 'product',
      setup: `let batch = whole / u.tiles; let tile = whole % u.tiles;
  let aAt = batch * u.aStep; let bAt = batch * u.bStep; let cAt = batch * u.N * u.M;`,
      rows: 'u.N',
      columns: 'u.M',
      depth: 'u.K',
      a: transposeA ? 'a[aAt + k * u.N + row]' : 'a[aAt + row * u.K + k]',
      aAlong: transposeA ? 'row' : 'k',
      b: transposeB ? 'b[bAt + column * u.K + k]' : 'b[bAt + k * u.M + column]',
      bAlong: transposeB ? 'k' : 'column',
      put: 'c[cAt + row * u.M + column] = value;',
    },
    tiling,
  );
  return {
    name: `BatchMatMul ${transposeA} ${transposeB} ${tilingName(tiling)}`,
    tensors: { a: 'f32', b: 'f32', c: 'f32' },
    numbers: { N: 'u32', M: 'u32', K: 'u32', tiles: 'u32', aStep: 'u32', bStep: 'u32' },
    workgroupSize: lanesOf(tiling),
    declarations: `${productMemory(tiling)}\n${product.replace('(tile: u32, lane: u32)', '(whole: u32, lane: u32)')}`,
    code: '  product(group, lane);',
  };
}

/** Registers it in the place of TF.js's. Shapes: a [S, N, K], b [S, K, M], transposed or not -> [S, N, M]. */
export function registerMatMul(): void {
  tf.registerKernel({
    kernelName: 'BatchMatMul',
    backendName,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const gpu = backend as WebGpuBackend;
      const { a, b } = inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
      const { transposeA, transposeB } = attrs as unknown as { transposeA: boolean; transposeB: boolean };
      const [aRows, aColumns] = a.shape.slice(-2) as [number, number];
      const [bRows, bColumns] = b.shape.slice(-2) as [number, number];
      const [N, K] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
      const M = transposeB ? bRows : bColumns;
      const batch = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
      const S = tf.util.sizeFromShape(batch);
      const stepOf = ({ shape }: tf.TensorInfo, size: number) =>
        tf.util.sizeFromShape(shape.slice(0, -2)) === 1 ? 0 : size;
      const c = gpu.output([...batch, N, M]);
      const tiling = tilingFor(gpu.commands.device.limits, S * smallTiles(N, M), K);
      const tiles = tilesOf(N, M, tiling);
      const numbers = { N, M, K, tiles, aStep: stepOf(a, aRows * aColumns), bStep: stepOf(b, bRows * bColumns) };
      gpu.run(programOf(transposeA, transposeB, tiling), { a, b, c }, numbers, S * tiles);
      return c;
    },
  });
}
