// Norm, AdamW and moving average over lists of tensors, packing of several into one, and overwriting one.

import { adamwUpdateOp } from '../../ops/adamw-update.ts';
import { emaUpdateOp } from '../../ops/ema-update.ts';
import { globalNormOp } from '../../ops/global-norm.ts';
import { overwriteOp } from '../../ops/overwrite.ts';
import { packVectorOp } from '../../ops/pack-vector.ts';
import type { Operand } from '../../ops/define-op.ts';
import { tf } from '../../tensor/tf.ts';
import type { WebGpuBackend } from '../backend.ts';
import { blockLanes, blocksOf, type ListItem, type ListProgram, runList } from '../lists.ts';
import type { Program } from '../program.ts';
import type { Place } from '../slabs.ts';
import { sumOverLanes } from './reduce.ts';
import { registerGpuListOp, registerGpuOp } from './register.ts';

const forEach = (body: string) => `  for (var i = lane; i < length; i += ${blockLanes}u) { ${body} }`;

const squares: ListProgram = {
  name: 'GlobalNorm',
  item: { tensor: 'block', sums: 'onePerBlock' },
  numbers: {},
  declarations: sumOverLanes(blockLanes),
  code: `  var part = 0.0;
${forEach('let value = get_tensor(i); part += value * value;')}
  let total = sumOverLanes(part, lane);
  if (lane == 0u) { set_sums(0u, total); }`,
};

const rootOfSum: Program = {
  name: 'GlobalNormRoot',
  tensors: { sums: 'f32', norm: 'f32' },
  numbers: { size: 'u32' },
  workgroupSize: blockLanes,
  declarations: sumOverLanes(blockLanes),
  code: `  var part = 0.0;
  for (var i = lane; i < u.size; i += ${blockLanes}u) { part += sums[i]; }
  let total = sumOverLanes(part, lane);
  if (lane == 0u) { norm[0] = sqrt(total); }`,
};

/** A negative scale says that nothing changes. Factors are in a tensor, because they differ from step to step. */
const adamw: ListProgram = {
  name: 'AdamWUpdate',
  item: {
    ...{ parameter: 'block', gradient: 'block', expAvg: 'block', expAvgSq: 'block' },
    ...{ scale: 'whole', factors: 'whole' },
  },
  marks: ['decays'],
  numbers: {},
  code: `  let scale = get_scale(0u);
  if (scale < 0.0) { return; }
  let beta1 = get_factors(0u); let beta2 = get_factors(1u);
  let gain = get_factors(2u) * scale; let gainSq = get_factors(3u) * scale * scale;
  let eps = get_factors(4u); let rate = get_factors(5u);
  let shrink = select(1.0, get_factors(6u), decays == 1u);
${forEach(`
    let g = get_gradient(i);
    let m = beta1 * get_expAvg(i) + gain * g;
    let v = beta2 * get_expAvgSq(i) + gainSq * g * g;
    set_expAvg(i, m);
    set_expAvgSq(i, v);
    set_parameter(i, shrink * get_parameter(i) - rate * m / (sqrt(v) + eps));
  `)}`,
};

const ema: ListProgram = {
  name: 'EmaUpdate',
  item: { average: 'block', parameter: 'block', scale: 'whole' },
  numbers: { rest: 'f32' },
  code: `  if (get_scale(0u) < 0.0) { return; }
${forEach('let old = get_average(i); set_average(i, old + (get_parameter(i) - old) * u.rest);')}`,
};

const pack: ListProgram = {
  name: 'PackVector',
  item: { tensor: 'block', vector: 'block' },
  numbers: {},
  code: forEach('set_vector(i, get_tensor(i));'),
};

/** The part of a place that begins at an element; its length is that of another tensor. */
export const placeFrom = ({ buffer, offset, bytes }: Place, element: number): Place => {
  return { buffer, offset: offset + 4 * element, bytes: bytes - 4 * element };
};

type Items<Names extends string> = readonly Readonly<Record<Names, Operand>>[];

/** AdamW on the places of all items; the first `decayed` have weights that decay. */
export function runAdamw(
  backend: WebGpuBackend,
  items: Items<'parameter' | 'gradient' | 'expAvg' | 'expAvgSq'>,
  shared: { readonly scale: Operand; readonly factors: Operand },
  decayed: number,
): void {
  const sharedPlaces = [shared.scale, shared.factors].map((tensor) => backend.placeOf(tensor));
  const list = items.map(({ parameter, gradient, expAvg, expAvgSq }, i): ListItem => {
    const places = [parameter, gradient, expAvg, expAvgSq].map((tensor) => backend.placeOf(tensor));
    return { places: [...places, ...sharedPlaces], marks: [i < decayed ? 1 : 0] };
  });
  runList(backend, adamw, list, {});
}

/** The moving average of all items. */
export function runEma(
  backend: WebGpuBackend,
  items: Items<'average' | 'parameter'>,
  scale: Operand,
  rest: number,
): void {
  const scalePlace = backend.placeOf(scale);
  const list = items.map(({ average, parameter }) => {
    return { places: [backend.placeOf(average), backend.placeOf(parameter), scalePlace] };
  });
  runList(backend, ema, list, { rest });
}

/** Calls `use` with a tensor of these numbers. */
function withNumbers(backend: WebGpuBackend, numbers: readonly number[], use: (tensor: Operand) => void): void {
  const tensor = backend.upload(Float32Array.from(numbers));
  use(tensor);
  backend.disposeData(tensor.dataId);
}

/** Registers the kernels of an optimizer step. */
export function registerOptimizer(): void {
  registerGpuListOp(globalNormOp, (backend, _, items) => {
    const tensors = items.map(({ tensor }) => backend.placeOf(tensor));
    const blocks = blocksOf(tensors.map((place) => ({ places: [place] })));
    const [sums, norm] = [backend.output([blocks]), backend.output([])];
    const sumsAt = backend.placeOf(sums);
    let next = 0;
    const list = tensors.map((place): ListItem => {
      const item = { places: [place, placeFrom(sumsAt, next)] };
      next += blocksOf([item]);
      return item;
    });
    runList(backend, squares, list, {});
    backend.run(rootOfSum, { sums, norm }, { size: blocks }, 1);
    backend.disposeData(sums.dataId);
    return { norm };
  });
  registerGpuListOp(adamwUpdateOp, (backend, { scale }, items, { decayed, ...rest }) => {
    const { beta1, beta2, gain, gainSq, eps, rate, decay } = rest;
    withNumbers(backend, [beta1, beta2, gain, gainSq, eps, rate, decay], (factors) => {
      runAdamw(backend, items, { scale, factors }, decayed);
    });
    return {};
  });
  registerGpuListOp(emaUpdateOp, (backend, _, items, { rest }) => {
    withNumbers(backend, [1], (scale) => runEma(backend, items, scale, rest));
    return {};
  });
  registerGpuListOp(packVectorOp, (backend, _, items) => {
    const sizes = items.map(({ tensor }) => tf.util.sizeFromShape(tensor.shape));
    const vector = backend.output([sizes.reduce((sum, size) => sum + size, 0)]);
    const to = backend.placeOf(vector);
    let at = 0;
    const list = items.map(({ tensor }, i) => {
      const item = { places: [backend.placeOf(tensor), placeFrom(to, at)] };
      at += sizes[i]!;
      return item;
    });
    runList(backend, pack, list, {});
    return { vector };
  });
  registerGpuOp(overwriteOp, {
    forward: (backend, { variable, source }) => {
      backend.copy(backend.placeOf(source), backend.placeOf(variable));
      return {};
    },
  });
}
