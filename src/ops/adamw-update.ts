// One step of AdamW for many parameters: a kernel call for all of them where the backend has one, otherwise thirteen
// element-wise ops for each.
//
// With t = steps taken, b1, b2 = betas, c = sqrt(1 - b2^t), s = scale of the gradients:
//   m = b1 m + (1 - b1) s g       v = b2 v + (1 - b2) s^2 g^2
//   p = (1 - lr * decay) p - lr * c / (1 - b1^t) * m / (sqrt(v) + eps * c)

import { ownData } from '../tensor/own-data.ts';
import { tf } from '../tensor/tf.ts';
import { attributes } from './define-op.ts';
import { hasKernel } from './kernels.ts';
import { defineListOp, runListKernel } from './list-op.ts';
import { roundBfloat16 } from './round-bfloat16.ts';

/** A parameter with its gradient and moments, all of one shape; or moments as `packBfloat16` packs them. */
export interface AdamWTarget {
  readonly parameter: tf.Variable;
  readonly gradient: tf.Tensor;
  readonly expAvg: tf.Variable;
  readonly expAvgSq: tf.Variable;
}

export interface AdamWStep {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  /** Steps taken, this one included. */
  readonly steps: number;
}

/** The numbers that all elements share. */
interface Factors {
  readonly beta1: number;
  readonly beta2: number;
  readonly gain: number; // (1 - b1), without scale
  readonly gainSq: number; // (1 - b2), without scale^2
  readonly eps: number; // eps * c
  readonly rate: number; // lr * c / (1 - b1^t)
  readonly decay: number; // 1 - lr * weightDecay
}

/** A kernel writes to the variables. The first `decayed` items are those whose weights decay. */
export const adamwUpdateOp = defineListOp({
  name: 'AdamWUpdate',
  inputs: { scale: '' },
  item: ['parameter', 'gradient', 'expAvg', 'expAvgSq'],
  attrs: attributes<Factors & { readonly decayed: number }>(),
  outputs: {},
});

/**
 * The same with moments in bfloat16: a parameter moves by the moments as they come out, which are then rounded to the
 * nearest, ties to even.
 */
export const adamwUpdateBfloat16Op = defineListOp({
  name: 'AdamWUpdateBfloat16',
  inputs: { scale: '' },
  item: ['parameter', 'gradient', 'expAvg', 'expAvgSq'],
  pairs: ['expAvg', 'expAvgSq'],
  attrs: attributes<Factors & { readonly decayed: number }>(),
  outputs: {},
});

/**
 * Moves parameters and moments, whose numbers are rounded to bfloat16 where `momentsIn` says so. Moments that are
 * packed need a backend with the kernel `adamwUpdateBfloat16Op`. Weight decay applies to matrices (rank 2 and stacked
 * experts of rank 3) only, never to norm gains.
 */
export function adamwUpdate(
  targets: readonly AdamWTarget[],
  scale: tf.Scalar,
  step: AdamWStep,
  momentsIn: 'float32' | 'bfloat16' = 'float32',
): void {
  const factors = factorsOf(step);
  const isRounded = momentsIn === 'bfloat16';
  if (isRounded && hasKernel(adamwUpdateBfloat16Op)) {
    const { items, decayed } = adamwItems(targets);
    runListKernel(adamwUpdateBfloat16Op, { scale }, items, { ...factors, decayed });
    return;
  }
  if (hasKernel(adamwUpdateOp)) {
    const { items, decayed } = adamwItems(targets);
    runListKernel(adamwUpdateOp, { scale }, items, { ...factors, decayed });
  } else tf.tidy(() => updateByOps(targets, scale, factors));
  if (!isRounded) return;
  for (const { expAvg, expAvgSq } of targets) {
    for (const moment of [expAvg, expAvgSq]) tf.tidy(() => moment.assign(roundBfloat16(moment)));
  }
}

/** The targets as a kernel takes them, those whose weights decay first, and how many these are. */
export function adamwItems(targets: readonly AdamWTarget[]): { items: AdamWTarget[]; decayed: number } {
  const decayed = targets.filter(({ parameter }) => decays(parameter));
  const items = [...decayed, ...targets.filter(({ parameter }) => !decays(parameter))];
  for (const { parameter, expAvg, expAvgSq } of items) {
    for (const variable of [parameter, expAvg, expAvgSq]) ownData(variable);
  }
  return { items, decayed: decayed.length };
}

/** The numbers of a step that all elements share, in the order in which kernels find them in a tensor. */
export function adamwFactors(step: AdamWStep): readonly number[] {
  const { beta1, beta2, gain, gainSq, eps, rate, decay } = factorsOf(step);
  return [beta1, beta2, gain, gainSq, eps, rate, decay];
}

const decays = (parameter: tf.Tensor) => parameter.rank >= 2;

function factorsOf({ learningRate, beta1, beta2, eps, weightDecay, steps }: AdamWStep): Factors {
  const correction = Math.sqrt(1 - beta2 ** steps);
  return {
    beta1,
    beta2,
    gain: 1 - beta1,
    gainSq: 1 - beta2,
    eps: eps * correction,
    rate: (learningRate * correction) / (1 - beta1 ** steps),
    decay: 1 - learningRate * weightDecay,
  };
}

function updateByOps(targets: readonly AdamWTarget[], scale: tf.Scalar, factors: Factors): void {
  const [beta1, beta2, eps] = [tf.scalar(factors.beta1), tf.scalar(factors.beta2), tf.scalar(factors.eps)];
  const [rate, decay] = [tf.scalar(factors.rate), tf.scalar(factors.decay)];
  const gain = tf.mul(scale, factors.gain);
  const gainSq = tf.mul(tf.square(scale), factors.gainSq);
  for (const { parameter, gradient, expAvg, expAvgSq } of targets) {
    expAvg.assign(tf.add(tf.mul(expAvg, beta1), tf.mul(gradient, gain)));
    expAvgSq.assign(tf.add(tf.mul(expAvgSq, beta2), tf.mul(tf.square(gradient), gainSq)));
    const change = tf.mul(tf.div(expAvg, tf.add(tf.sqrt(expAvgSq), eps)), rate);
    parameter.assign(tf.sub(decays(parameter) ? tf.mul(parameter, decay) : parameter, change));
  }
}
