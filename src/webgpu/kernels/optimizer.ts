// Norm, AdamW and moving average over lists of tensors, packing of several into one, and overwriting one.

import { adamwUpdateOp } from '../../ops/adamw-update.ts';
import { emaUpdateOp } from '../../ops/ema-update.ts';
import { globalNormOp } from '../../ops/global-norm.ts';
import { overwriteOp } from '../../ops/overwrite.ts';
import { packVectorOp } from '../../ops/pack-vector.ts';
import { tf } from '../../tensor/tf.ts';
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

const adamw: ListProgram = {
  name: 'AdamWUpdate',
  item: { parameter: 'block', gradient: 'block', expAvg: 'block', expAvgSq: 'block', scale: 'whole' },
  marks: ['decays'],
  numbers: { beta1: 'f32', beta2: 'f32', gain: 'f32', gainSq: 'f32', eps: 'f32', rate: 'f32', decay: 'f32' },
  code: `  let scale = get_scale(0u);
  let shrink = select(1.0, u.decay, decays == 1u);
${forEach(`
    let g = get_gradient(i);
    let m = u.beta1 * get_expAvg(i) + u.gain * scale * g;
    let v = u.beta2 * get_expAvgSq(i) + u.gainSq * scale * scale * g * g;
    set_expAvg(i, m);
    set_expAvgSq(i, v);
    set_parameter(i, shrink * get_parameter(i) - u.rate * m / (sqrt(v) + u.eps));
  `)}`,
};

const ema: ListProgram = {
  name: 'EmaUpdate',
  item: { average: 'block', parameter: 'block' },
  numbers: { rest: 'f32' },
  code: forEach('let old = get_average(i); set_average(i, old + (get_parameter(i) - old) * u.rest);'),
};

const pack: ListProgram = {
  name: 'PackVector',
  item: { tensor: 'block', vector: 'block' },
  numbers: {},
  code: forEach('set_vector(i, get_tensor(i));'),
};

/** The part of a place that begins at an element; its length is that of another tensor. */
const from = ({ buffer, offset, bytes }: Place, element: number): Place => {
  return { buffer, offset: offset + 4 * element, bytes: bytes - 4 * element };
};

/** Registers the kernels of an optimizer step. */
export function registerOptimizer(): void {
  registerGpuListOp(globalNormOp, (backend, _, items) => {
    const tensors = items.map(({ tensor }) => backend.placeOf(tensor));
    const blocks = blocksOf(tensors.map((place) => ({ places: [place] })));
    const [sums, norm] = [backend.output([blocks]), backend.output([])];
    const sumsAt = backend.placeOf(sums);
    let next = 0;
    const list = tensors.map((place): ListItem => {
      const item = { places: [place, from(sumsAt, next)] };
      next += blocksOf([item]);
      return item;
    });
    runList(backend, squares, list, {});
    backend.run(rootOfSum, { sums, norm }, { size: blocks }, 1);
    backend.disposeData(sums.dataId);
    return { norm };
  });
  registerGpuListOp(adamwUpdateOp, (backend, { scale }, items, { decayed, ...factors }) => {
    const scaleAt = backend.placeOf(scale);
    const list = items.map(({ parameter, gradient, expAvg, expAvgSq }, i): ListItem => {
      const places = [parameter, gradient, expAvg, expAvgSq].map((tensor) => backend.placeOf(tensor));
      return { places: [...places, scaleAt], marks: [i < decayed ? 1 : 0] };
    });
    runList(backend, adamw, list, factors);
    return {};
  });
  registerGpuListOp(emaUpdateOp, (backend, _, items, { rest }) => {
    const list = items.map(({ average, parameter }) => {
      return { places: [average, parameter].map((tensor) => backend.placeOf(tensor)) };
    });
    runList(backend, ema, list, { rest });
    return {};
  });
  registerGpuListOp(packVectorOp, (backend, _, items) => {
    const sizes = items.map(({ tensor }) => tf.util.sizeFromShape(tensor.shape));
    const vector = backend.output([sizes.reduce((sum, size) => sum + size, 0)]);
    const to = backend.placeOf(vector);
    let at = 0;
    const list = items.map(({ tensor }, i) => {
      const item = { places: [backend.placeOf(tensor), from(to, at)] };
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
