// The contract between an op, its reference and its kernels: what does not compile, and what is refused when it runs.

import type { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { registerPartialKernel } from '../../src/engine/kernels/register.ts';
import { attributes, defineOp } from '../../src/ops/define-op.ts';
import { fusedOp } from '../../src/ops/fused-op.ts';
import type { Kernels } from '../../src/ops/kernel-types.ts';
import { gradientName, inputHalfName, weightHalfName } from '../../src/ops/kernels.ts';
import { defineListOp, registerListKernel, runListKernel } from '../../src/ops/list-op.ts';
import { registerKernels } from '../../src/ops/register-kernels.ts';
import { pullback } from '../../src/tensor/pullback.ts';
import { tf } from '../../src/tensor/tf.ts';
import { allOps } from './all-ops.ts';
import { opCases } from './op-cases.ts';

await activateBackend('cpu');

const mixOp = defineOp({
  name: 'TestMix',
  inputs: { x: 'N D', weight: 'V D', labels: 'int32 N', 'bias?': 'V' },
  constants: ['bias'],
  attrs: attributes<{ readonly scale: number; readonly mode: 'sum' | 'mean' }>(),
  outputs: { y: 'N V' },
  saved: { norms: 'N', 'tile?': 'N V' },
});
const constantOp = defineOp({ name: 'TestConst', inputs: { x: 'N' }, constants: ['x'], outputs: { y: 'N' } });
const splitOp = defineOp({
  name: 'TestSplit',
  inputs: { x: 'N D', weight: 'V D' },
  outputs: { y: 'N V' },
  weights: ['weight'],
  kept: { x: 'N D', dy: 'N V' },
});
const stepOp = defineListOp({
  name: 'TestStep',
  inputs: { scale: '' },
  item: ['parameter', 'gradient'],
  attrs: attributes<{ readonly rate: number }>(),
  outputs: { norm: '' },
});

const [x, weight] = [tf.ones<tf.Rank.R2>([2, 3]), tf.ones<tf.Rank.R2>([5, 3])];
const labels = tf.tensor1d([0, 1], 'int32');
const attrs = { scale: 2, mode: 'sum' } as const;

/** Never called: the lines in it are for the compiler, which must refuse those below `@ts-expect-error`. */
function notToCompile(y: tf.TensorInfo): void {
  const result = { y, norms: y };
  const forward = () => result;
  const gradient = () => ({ x: y, weight: y });
  const reference = () => ({ y: x });

  // A call of an op.
  fusedOp(mixOp, { x, weight, labels }, attrs, reference);
  // @ts-expect-error an input is missing
  fusedOp(mixOp, { x, labels }, attrs, reference);
  // @ts-expect-error an input of another name
  fusedOp(mixOp, { x, weights: weight, labels }, attrs, reference);
  // @ts-expect-error two inputs in each other's place
  fusedOp(mixOp, { x, weight: labels, labels: weight }, attrs, reference);
  // @ts-expect-error an attribute is missing
  fusedOp(mixOp, { x, weight, labels }, { scale: 2 }, reference);
  // @ts-expect-error an attribute of another type
  fusedOp(mixOp, { x, weight, labels }, { scale: 'sum', mode: 'sum' }, reference);
  // @ts-expect-error an attribute with a value that there is not
  fusedOp(mixOp, { x, weight, labels }, { scale: 2, mode: 'max' }, reference);
  // @ts-expect-error a reference that gives something else
  fusedOp(mixOp, { x, weight, labels }, attrs, () => ({ z: x }));
  // @ts-expect-error an output that the op does not have
  void fusedOp(mixOp, { x, weight, labels }, attrs, reference).z;

  // A kernel.
  registerKernels('cpu', mixOp, { forward, gradient });
  registerKernels('cpu', constantOp, { forward });
  // @ts-expect-error the name of a kernel is not enough
  registerKernels('cpu', 'TestMix', { forward, gradient });
  // @ts-expect-error the gradient is missing
  registerKernels('cpu', mixOp, { forward });
  // @ts-expect-error an output is missing
  registerKernels('cpu', mixOp, { forward: () => ({ norms: y }), gradient });
  // @ts-expect-error what the gradient wants to have again is missing
  registerKernels('cpu', mixOp, { forward: () => ({ y }), gradient });
  // @ts-expect-error the gradient of an input is missing
  registerKernels('cpu', mixOp, { forward, gradient: () => ({ x: y }) });
  // @ts-expect-error gradients in a list, whose order nobody checks
  registerKernels('cpu', mixOp, { forward, gradient: () => [y, y] });
  // @ts-expect-error an input of another name
  registerKernels('cpu', mixOp, { forward: (_, { hidden }) => ({ y: hidden, norms: y }), gradient });
  // @ts-expect-error an input that may be absent
  registerKernels('cpu', mixOp, { forward: (_, { bias }) => ({ y: bias, norms: y }), gradient });
  // @ts-expect-error an axis that the input does not have
  registerKernels('cpu', mixOp, { forward: (_, { x }) => (x.shape[2] > 0 ? result : result), gradient });
  // @ts-expect-error an attribute of another name
  registerKernels('cpu', mixOp, { forward: (_, __, call) => (call.attrs.eps > 0 ? result : result), gradient });
  // @ts-expect-error a letter that no input has
  registerKernels('cpu', mixOp, { forward: (_, __, { sizes }) => (sizes.K > 0 ? result : result), gradient });
  // @ts-expect-error the gradient of something that is no output
  registerKernels('cpu', mixOp, { forward, gradient: (_, __, { dys }) => ({ x: dys.x, weight: y }) });
  // @ts-expect-error something that was not saved
  registerKernels('cpu', mixOp, { forward, gradient: (_, __, { saved }) => ({ x: saved.sums, weight: y }) });

  // A gradient in halves.
  const whole = { forward: () => ({ y }), gradient };
  const gradientInputs = () => ({ gradients: { x: y }, kept: { x: y, dy: y } });
  const gradientWeights = () => ({ weight: y });
  const inOne = () => ({ gradients: gradient(), kept: null });
  const keepsOne = () => ({ gradients: { x: y }, kept: { x: y } });
  const keepsNone = () => ({ gradients: { x: y }, kept: null });
  registerKernels('cpu', splitOp, whole);
  registerKernels('cpu', splitOp, { ...whole, gradientInputs, gradientWeights });
  registerKernels('cpu', splitOp, { ...whole, gradientInputs: inOne, gradientWeights });
  // @ts-expect-error an op without weights
  registerKernels('cpu', mixOp, { forward, gradient, gradientInputs, gradientWeights });
  // @ts-expect-error one half alone
  registerKernels('cpu', splitOp, { ...whole, gradientInputs });
  // @ts-expect-error something that is to be kept is missing
  registerKernels('cpu', splitOp, { ...whole, gradientInputs: keepsOne, gradientWeights });
  // @ts-expect-error nothing is kept, and the gradient of the weight is missing
  registerKernels('cpu', splitOp, { ...whole, gradientInputs: keepsNone, gradientWeights });
  // @ts-expect-error the gradient of another input
  registerKernels('cpu', splitOp, { ...whole, gradientInputs, gradientWeights: () => ({ x: y }) });
  // @ts-expect-error something that was not kept
  registerKernels('cpu', splitOp, { ...whole, gradientInputs, gradientWeights: (_, { sums }) => ({ weight: sums }) });

  // A kernel of TF.js's own, on the engine.
  registerPartialKernel('Slice', (_, { x }, { begin }) => (begin === 0 ? x : null));
  // @ts-expect-error a name that TF.js does not have
  registerPartialKernel('Slices', () => null);
  // @ts-expect-error an input of another name
  registerPartialKernel('Slice', (_, { value }) => value);
  // @ts-expect-error an attribute of another name
  registerPartialKernel('Slice', (_, { x }, { from }) => (from === 0 ? x : null));

  // A description.
  // @ts-expect-error a constant that is no input
  defineOp({ name: 'TestWrong', inputs: { x: 'N' }, constants: ['z'], outputs: { y: 'N' } });
  // @ts-expect-error a weight that is no input
  defineOp({ name: 'TestWrong', inputs: { x: 'N' }, weights: ['z'], outputs: { y: 'N' } });
  // @ts-expect-error a weight that has no gradient
  defineOp({ name: 'TestWrong', inputs: { x: 'N', ids: 'int32 N' }, weights: ['ids'], outputs: { y: 'N' } });
  // @ts-expect-error a saved output that is no output
  defineOp({ name: 'TestWrong', inputs: { x: 'N' }, outputs: { y: 'N' }, savedOutputs: ['x'] });

  // An op on lists.
  const scale = tf.scalar(1);
  runListKernel(stepOp, { scale }, [{ parameter: x, gradient: x }], { rate: 1 });
  // @ts-expect-error a tensor of an item is missing
  runListKernel(stepOp, { scale }, [{ parameter: x }], { rate: 1 });
  // @ts-expect-error an attribute of another name
  runListKernel(stepOp, { scale }, [], { speed: 1 });
  // @ts-expect-error a tensor that items do not have
  registerListKernel('cpu', stepOp, (_, __, items) => ({ norm: items[0]?.moment ?? y }));
  // @ts-expect-error a kernel without its output
  registerListKernel('cpu', stepOp, () => ({}));
}

describe('what must not compile', () => {
  it('is checked by tsc, which reads these lines; nothing runs them', () => {
    expect(notToCompile).toBeTypeOf('function');
  });
});

describe('an op that is run', () => {
  const run = (inputs: Parameters<typeof fusedOp<(typeof mixOp)['spec']>>[1]) =>
    tf.tidy(() => fusedOp(mixOp, inputs, attrs, ({ x, weight }) => ({ y: tf.matMul(x, weight, false, true) })).y);

  it('takes tensors whose shapes agree', () => {
    const y = run({ x, weight, labels });
    expect(y.shape).toEqual([2, 5]);
    y.dispose();
  });

  it.each([
    ['an axis that disagrees', { x, weight: tf.ones<tf.Rank.R2>([5, 7]), labels }, 'weight float32 [5, 7]'],
    [
      'a number of axes',
      { x, weight, labels: tf.ones([2, 1], 'int32') as unknown as tf.Tensor1D },
      'labels int32 [2, 1]',
    ],
    ['a type', { x, weight, labels: tf.tensor1d([0, 1]) }, 'labels float32 [2]'],
    ['an absent input', { x, weight } as never, 'labels absent'],
    ['an optional input', { x, weight, labels, bias: tf.ones<tf.Rank.R1>([7]) }, 'bias float32 [7]'],
  ])('refuses %s, and says what was expected and what was found', (_, inputs, found) => {
    const expected =
      'TestMix: expected x float32 [N, D], weight float32 [V, D], labels int32 [N], bias float32 [V]; found';
    expect(() => run(inputs)).toThrow(expected);
    expect(() => run(inputs)).toThrow(found);
  });

  it('refuses a reference whose output is of another shape', () => {
    expect(() => fusedOp(mixOp, { x, weight, labels }, attrs, ({ x }) => ({ y: x }))).toThrow(
      'outputs of TestMix: expected y float32 [N, V]; found y float32 [2, 3]',
    );
  });
});

describe('a kernel that makes something else', () => {
  const info = (shape: number[]) => {
    const { dataId, dtype } = tf.zeros(shape);
    return { dataId, shape, dtype };
  };
  const run = () =>
    tf.tidy(() => {
      const { y } = fusedOp(mixOp, { x, weight, labels }, attrs, () => ({ y: x }));
      return y;
    });
  const slope = () =>
    tf.tidy(() =>
      tf.grad((given) => fusedOp(mixOp, { x: given as tf.Tensor2D, weight, labels }, attrs, () => ({ y: x })).y)(x),
    );
  const good = { y: info([2, 5]), norms: info([2]) };

  it.each([
    [
      'an output',
      { ...good, y: info([5, 2]) },
      'outputs of TestMix: expected y float32 [N, V]; found y float32 [5, 2]',
    ],
    [
      'a name that the op does not have',
      { ...good, tiles: info([2, 5]) },
      'a kernel of TestMix has made tiles; expected y, norms, tile',
    ],
    [
      'what it saves',
      { ...good, norms: info([5]) },
      'saved by TestMix: expected norms float32 [N], tile float32 [N, V]',
    ],
  ])('is refused: %s', (_, results, message) => {
    registerKernels('cpu', mixOp, {
      forward: () => results,
      gradient: () => ({ x: info([2, 3]), weight: info([5, 3]) }),
    });
    expect(run).toThrow(message);
    for (const name of ['TestMix', 'TestMixGrad']) tf.unregisterKernel(name, 'cpu');
  });

  it('is refused: a gradient', () => {
    registerKernels('cpu', mixOp, { forward: () => good, gradient: () => ({ x: info([5, 3]), weight: info([5, 3]) }) });
    expect(slope).toThrow(
      'gradients of TestMix: expected x float32 [N, D], weight float32 [V, D]; found x float32 [5, 3]',
    );
    for (const name of ['TestMix', 'TestMixGrad']) tf.unregisterKernel(name, 'cpu');
  });
});

describe('a gradient in halves', () => {
  const info = (shape: number[], value = 0): tf.TensorInfo => {
    const values = new Float32Array(tf.util.sizeFromShape(shape)).fill(value);
    return (tf.backend() as MathBackendCPU).makeTensorInfo(shape, 'float32', values);
  };
  const halvesOf = (
    gradientInputs: () => object,
    gradientWeights: () => object = () => ({ weight: info([5, 3], 13) }),
  ) => {
    const gradient = () => ({ x: info([2, 3]), weight: info([5, 3]) });
    const kernels = { forward: () => ({ y: info([2, 5]) }), gradient, gradientInputs, gradientWeights };
    registerKernels('cpu', splitOp, kernels as unknown as Kernels<(typeof splitOp)['spec'], unknown>);
    const variable = tf.variable(weight);
    try {
      return tf.tidy(() => {
        const run = (x: tf.Tensor) =>
          fusedOp(splitOp, { x: x as tf.Tensor2D, weight: variable as tf.Tensor2D }, {}, () => ({
            y: x as tf.Tensor2D,
          })).y;
        const pass = pullback(run, [x], [variable]);
        const gradients = [...pass.backwardInputs(tf.ones([2, 5])), ...pass.backwardWeights()];
        return gradients.map((gradient) => gradient.dataSync()[0]);
      });
    } finally {
      variable.dispose();
      for (const end of ['', 'Grad', 'GradInputs', 'GradWeights']) tf.unregisterKernel(`TestSplit${end}`, 'cpu');
    }
  };
  const makeKept = (dy = [2, 5]) => ({ x: info([2, 3]), dy: info(dy) });

  it('takes both from the kernels for them, and a weight that the first makes as well from there', () => {
    expect(halvesOf(() => ({ gradients: { x: info([2, 3], 7) }, kept: makeKept() }))).toEqual([7, 13]);
    const both = () => ({ gradients: { x: info([2, 3], 7), weight: info([5, 3], 11) }, kept: null });
    expect(halvesOf(both)).toEqual([7, 11]);
  });

  it.each([
    [
      'what is kept',
      () => ({ gradients: { x: info([2, 3]) }, kept: makeKept([2, 3]) }),
      undefined,
      'kept by TestSplit: expected x float32 [N, D], dy float32 [N, V]; found x float32 [2, 3], dy float32 [2, 3]',
    ],
    [
      'the gradient of an input',
      () => ({ gradients: { x: info([3, 2]) }, kept: makeKept() }),
      undefined,
      'gradients of TestSplit: expected x float32 [N, D]; found x float32 [3, 2]',
    ],
    [
      'the gradient of a weight',
      () => ({ gradients: { x: info([2, 3]) }, kept: makeKept() }),
      () => ({ weight: info([3, 5]) }),
      'gradients of TestSplit: expected weight float32 [V, D]; found weight float32 [3, 5]',
    ],
  ])('is refused where a kernel makes something else: %s', (_, inputs, weights, message) => {
    expect(() => halvesOf(inputs, weights)).toThrow(message);
  });

  it('keeps a number of tensors that is not that of the weights, and all of them always', () => {
    const wrong = (kept: Record<string, string>) =>
      defineOp({ name: 'TestWrong', inputs: { x: 'N' }, outputs: { y: 'N' }, weights: ['x'], kept });
    expect(() => wrong({ dy: 'N' })).toThrow('internal: ');
    expect(() => wrong({ dy: 'N', 'x?': 'N' })).toThrow('internal: ');
  });
});

describe('an op on lists', () => {
  it('gives a kernel the tensors of each item by their names, and refuses items of several shapes', () => {
    const seen: unknown[] = [];
    registerListKernel('cpu', stepOp, (_, inputs, items, attrs) => {
      seen.push(
        Object.keys(inputs),
        items.map(({ parameter, gradient }) => [parameter.shape, gradient.shape]),
        attrs,
      );
      return { norm: { dataId: tf.scalar(7).dataId, shape: [], dtype: 'float32' } };
    });
    const scale = tf.scalar(1);
    const step = (gradient: tf.Tensor) =>
      runListKernel(
        stepOp,
        { scale },
        [
          { parameter: x, gradient: x },
          { parameter: weight, gradient },
        ],
        { rate: 3 },
      );
    const { norm } = step(weight);
    expect(norm.dataSync()[0]).toBe(7);
    const shapes = [x.shape, weight.shape].map((shape) => [shape, shape]);
    expect(seen).toEqual([['scale'], shapes, { rate: 3 }]);
    expect(() => step(x)).toThrow('TestStep: expected gradient float32 [5,3], found float32 [2,3]');
    tf.unregisterKernel('TestStep', 'cpu');
  });
});

const kernelNames = (op: { readonly name: string }) => [
  op.name,
  gradientName(op),
  inputHalfName(op),
  weightHalfName(op),
];

describe('the ops', () => {
  it('have names of their own, and a case in the conformance suite', async () => {
    const { fused, lists } = await allOps();
    const names = [...fused, ...lists].map(({ name }) => name);
    expect(names.length).toBeGreaterThan(15);
    expect(new Set(names).size).toBe(names.length);
    const tried = new Set(opCases.flatMap(({ ops = [] }) => ops.map(({ name }) => name)));
    // Overwrite has no result: tests/engine/optimizer.test.ts has it, as it has the ops on lists.
    expect(fused.map(({ name }) => name).filter((name) => !tried.has(name))).toEqual(['Overwrite']);
  });

  it('are all that the engine registers under names that are not of TF.js', async () => {
    await activateBackend('engine');
    const { fused, lists } = await allOps();
    const known = new Set([...fused, ...lists].flatMap(kernelNames));
    const ofTensorFlow = new Set(tf.getKernelsForBackend('cpu').map(({ kernelName }) => kernelName));
    const own = tf.getKernelsForBackend('engine').map(({ kernelName }) => kernelName);
    expect(own.filter((name) => !ofTensorFlow.has(name) && !known.has(name))).toEqual([]);
    await activateBackend('cpu');
  });
});
