// Shape legend: N rows, D channels.

import { addRmsNormOp, rmsNormOp } from '../../ops/rms-norm.ts';
import type { Program } from '../program.ts';
import { groupsOf, registerGpuOp } from './register.ts';
import { sumOverLanes } from './reduce.ts';

const size = 64;
/** Channels whose weights one workgroup differentiates, and lanes that share the rows of a channel. */
const [columns, rowLanes] = [4, 16];

const normRow = (isSum: boolean): Program => ({
  name: isSum ? 'AddRMSNorm' : 'RMSNorm',
  tensors: {
    x: 'f32',
    ...(isSum ? { residual: 'f32' as const, sum: 'f32' as const } : {}),
    weight: 'f32',
    y: 'f32',
    rstd: 'f32',
  },
  numbers: { D: 'u32', eps: 'f32' },
  workgroupSize: size,
  declarations: sumOverLanes(size),
  code: `  let row = group * u.D;
  var squares = 0.0;
  for (var i = lane; i < u.D; i += ${size}u) {
    ${isSum ? 'let value = x[row + i] + residual[row + i]; sum[row + i] = value;' : 'let value = x[row + i];'}
    squares += value * value;
  }
  let scale = 1.0 / sqrt(sumOverLanes(squares, lane) / f32(u.D) + u.eps);
  if (lane == 0u) { rstd[group] = scale; }
  for (var i = lane; i < u.D; i += ${size}u) {
    ${isSum ? 'let value = x[row + i] + residual[row + i];' : 'let value = x[row + i];'}
    y[row + i] = value * scale * weight[i];
  }`,
});

/**
 * The first N workgroups make a row of dx each, the others the gradients of some weights. `isSum`: the gradient that
 * reaches the sum by itself is added.
 */
const gradientOf = (isSum: boolean): Program => ({
  name: isSum ? 'AddRMSNormGrad' : 'RMSNormGrad',
  tensors: {
    x: 'f32',
    weight: 'f32',
    rstd: 'f32',
    dy: 'f32',
    ...(isSum ? { dSum: 'f32' as const } : {}),
    dx: 'f32',
    dWeight: 'f32',
  },
  numbers: { N: 'u32', D: 'u32' },
  workgroupSize: size,
  declarations: `${sumOverLanes(size)}
var<workgroup> parts: array<f32, ${size}>;`,
  code: `  if (group < u.N) {
    let row = group * u.D;
    let scale = rstd[group];
    var product = 0.0;
    for (var i = lane; i < u.D; i += ${size}u) { product += dy[row + i] * weight[i] * x[row + i]; }
    let slope = sumOverLanes(product, lane) * scale * scale / f32(u.D);
    for (var i = lane; i < u.D; i += ${size}u) {
      let own = scale * (dy[row + i] * weight[i] - x[row + i] * slope);
      dx[row + i] = own${isSum ? ' + dSum[row + i]' : ''};
    }
    return;
  }
  let column = (group - u.N) * ${columns}u + lane % ${columns}u;
  var part = 0.0;
  if (column < u.D) {
    for (var row = lane / ${columns}u; row < u.N; row += ${rowLanes}u) {
      part += dy[row * u.D + column] * x[row * u.D + column] * rstd[row];
    }
  }
  parts[lane] = part;
  workgroupBarrier();
  if (lane < ${columns}u && column < u.D) {
    var total = 0.0;
    for (var i = 0u; i < ${rowLanes}u; i++) { total += parts[i * ${columns}u + lane]; }
    dWeight[column] = total;
  }`,
});

const [norm, addNorm] = [normRow(false), normRow(true)];
const [normGradient, addNormGradient] = [gradientOf(false), gradientOf(true)];

/** Registers the norm, alone and after an addition, and their gradients. */
export function registerRmsNorm(): void {
  registerGpuOp(rmsNormOp, {
    forward: (backend, { x, weight }, { attrs: { eps }, sizes: { N, D } }) => {
      const [y, rstd] = [backend.output(x.shape), backend.output([N])];
      backend.run(norm, { x, weight, y, rstd }, { D, eps }, N);
      return { y, rstd };
    },
    gradient: (backend, { x, weight }, { sizes: { N, D }, dys: { y: dy }, saved: { rstd } }) => {
      const [dx, dWeight] = [backend.output(x.shape), backend.output([D])];
      backend.run(normGradient, { x, weight, rstd, dy, dx, dWeight }, { N, D }, N + groupsOf(D, columns));
      return { x: dx, weight: dWeight };
    },
  });
  registerGpuOp(addRmsNormOp, {
    forward: (backend, { x, residual, weight }, { attrs: { eps }, sizes: { N, D } }) => {
      const [sum, y, rstd] = [backend.output(x.shape), backend.output(x.shape), backend.output([N])];
      backend.run(addNorm, { x, residual, sum, weight, y, rstd }, { D, eps }, N);
      return { sum, normed: y, rstd };
    },
    gradient: (backend, { x, weight }, { sizes: { N, D }, dys, saved: { sum, rstd } }) => {
      const [dx, dWeight] = [backend.output(x.shape), backend.output([D])];
      const tensors = { x: sum, weight, rstd, dy: dys.normed, dSum: dys.sum, dx, dWeight };
      backend.run(addNormGradient, tensors, { N, D }, N + groupsOf(D, columns));
      return { x: dx, residual: dx, weight: dWeight };
    },
  });
}
