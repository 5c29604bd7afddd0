// Shape legend: N rows, I and O input and output width.

import { linearOp } from '../../ops/linear.ts';
import type { tf } from '../../tensor/tf.ts';
import type { WebGpuBackend } from '../backend.ts';
import { type Product, smallTiles, tilesOf, tilingFor } from './product.ts';
import { productProgram } from './product-program.ts';
import { registerGpuOp } from './register.ts';

const forwardProduct: Product = {
  name: 'forward',
  rows: 'u.N',
  columns: 'u.O',
  depth: 'u.I',
  a: 'x[row * u.I + k]',
  aAlong: 'k',
  b: 'weight[column * u.I + k]',
  bAlong: 'k',
  put: 'y[row * u.O + column] = value;',
};

const inputGradient: Product = {
  name: 'inputGradient',
  rows: 'u.N',
  columns: 'u.I',
  depth: 'u.O',
  a: 'dy[row * u.O + k]',
  aAlong: 'k',
  b: 'weight[k * u.I + column]',
  bAlong: 'column',
  put: 'dx[row * u.I + column] = value;',
};

const weightGradient: Product = {
  name: 'weightGradient',
  rows: 'u.O',
  columns: 'u.I',
  depth: 'u.N',
  a: 'dy[k * u.O + row]',
  aAlong: 'row',
  b: 'x[k * u.I + column]',
  bAlong: 'column',
  put: 'dWeight[row * u.I + column] = value;',
};

const numbers = { N: 'u32', I: 'u32', O: 'u32' } as const;

type Tensor = Pick<tf.TensorInfo, 'dataId'>;
type Sizes = Readonly<Record<'N' | 'I' | 'O', number>>;

/** y = x W^T. */
export function linearProduct(backend: WebGpuBackend, tensors: Named<'x' | 'weight' | 'y'>, sizes: Sizes): void {
  const { N, I, O } = sizes;
  const tiling = tilingFor(backend.commands.device.limits, smallTiles(N, O), I);
  const types = { x: 'f32', weight: 'f32', y: 'f32' } as const;
  const program = productProgram({ name: 'Linear', tensors: types, numbers, products: [forwardProduct] }, tiling);
  const { x, weight, y } = tensors;
  backend.run(program, { x, weight, y }, { N, I, O }, tilesOf(N, O, tiling));
}

/** dx = dy W. */
export function linearInputGradient(
  backend: WebGpuBackend,
  { weight, dy, dx }: Named<'weight' | 'dy' | 'dx'>,
  { N, I, O }: Sizes,
): void {
  const tiling = tilingFor(backend.commands.device.limits, smallTiles(N, I), O);
  const types = { weight: 'f32', dy: 'f32', dx: 'f32' } as const;
  const program = productProgram(
    { name: 'LinearGradInputs', tensors: types, numbers, products: [inputGradient] },
    tiling,
  );
  backend.run(program, { weight, dy, dx }, { N, I, O }, tilesOf(N, I, tiling));
}

/** dW = dy^T x. */
export function linearWeightGradient(
  backend: WebGpuBackend,
  { x, dy, dWeight }: Named<'x' | 'dy' | 'dWeight'>,
  { N, I, O }: Sizes,
): void {
  const tiling = tilingFor(backend.commands.device.limits, smallTiles(O, I), N);
  const types = { x: 'f32', dy: 'f32', dWeight: 'f32' } as const;
  const program = productProgram(
    { name: 'LinearGradWeights', tensors: types, numbers, products: [weightGradient] },
    tiling,
  );
  backend.run(program, { x, dy, dWeight }, { N, I, O }, tilesOf(O, I, tiling));
}

type Named<Names extends string> = Readonly<Record<Names, Tensor>>;

/** Registers a product whose gradients are made together. Shapes: x [N, I], weight [O, I] -> [N, O]. */
export function registerLinear(): void {
  registerGpuOp(linearOp, {
    forward: (backend, { x, weight }, { sizes: { N, I, O } }) => {
      const y = backend.output([N, O]);
      linearProduct(backend, { x, weight, y }, { N, I, O });
      return { y };
    },
    gradient: (backend, { x, weight }, { sizes: { N, I, O }, dys: { y: dy } }) => {
      const [dx, dWeight] = [backend.output([N, I]), backend.output([O, I])];
      const tensors = { x: 'f32', weight: 'f32', dy: 'f32', dx: 'f32', dWeight: 'f32' } as const;
      const tiles = smallTiles(N, I) + smallTiles(O, I);
      const tiling = tilingFor(backend.commands.device.limits, tiles, Math.max(N, O));
      const program = productProgram(
        { name: 'LinearGrad', tensors, numbers, products: [weightGradient, inputGradient] },
        tiling,
      );
      const firstTiles = tilesOf(O, I, tiling);
      const groups = firstTiles + tilesOf(N, I, tiling);
      backend.run(program, { x, weight, dy, dx, dWeight }, { N, I, O, firstTiles }, groups);
      return { x: dx, weight: dWeight };
    },
    gradientInputs: (backend, { x, weight }, { sizes: { N, I, O }, dys: { y: dy } }) => {
      const dx = backend.output([N, I]);
      linearInputGradient(backend, { weight, dy, dx }, { N, I, O });
      backend.incRef(x.dataId);
      backend.incRef(dy.dataId);
      return { gradients: { x: dx }, kept: { x: { ...x }, dy: { ...dy } } };
    },
    gradientWeights: (backend, { x, dy }, { sizes: { N, I, O } }) => {
      const dWeight = backend.output([O, I]);
      linearWeightGradient(backend, { x, dy, dWeight }, { N, I, O });
      return { weight: dWeight };
    },
  });
}
