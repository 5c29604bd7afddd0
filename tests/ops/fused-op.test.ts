import { afterEach, describe, expect, it } from 'vitest';
import { fusedOp } from '../../src/ops/fused-op.ts';
import { rmsNorm } from '../../src/ops/rms-norm.ts';
import { swiglu } from '../../src/ops/swiglu.ts';
import { activateBackend } from '../../src/backends/backends.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import { tf } from '../../src/tensor/tf.ts';

await activateBackend('cpu');

interface Call {
  readonly inputs: string[];
  readonly attrs: tf.NamedAttrMap | undefined;
}

/** A kernel that doubles its first input, and the calls it got. */
function registerFake(kernelName: string, backendName = 'cpu'): Call[] {
  const calls: Call[] = [];
  tf.registerKernel({
    kernelName,
    backendName,
    kernelFunc: ({ inputs, attrs }) => {
      calls.push({ inputs: Object.keys(inputs), attrs });
      const { shape, dtype, dataId } = tf.tidy(() => tf.keep(tf.mul(Object.values(inputs)[0] as tf.Tensor, 2)));
      return { shape, dtype, dataId };
    },
  });
  return calls;
}

describe('fusedOp', () => {
  afterEach(() => {
    for (const { kernelName } of [...tf.getKernelsForBackend('cpu')]) {
      if (kernelName === 'RMSNorm' || kernelName === 'SwiGLU') tf.unregisterKernel(kernelName, 'cpu');
    }
  });

  it('runs the kernel of the active backend in place of the reference, until it is unregistered', () => {
    const [x, weight] = [tf.tensor2d([[3, 4]]), tf.tensor1d([1, 1])];
    const norm = () => Array.from(tf.tidy(() => rmsNorm(x, weight, 1e-6)).dataSync());
    const reference = norm();
    expect(reference[0]).toBeCloseTo(3 / Math.sqrt(12.5), 5);
    const calls = registerFake('RMSNorm');
    expect(norm()).toEqual([6, 8]);
    expect(calls).toEqual([{ inputs: ['x', 'weight'], attrs: { eps: 1e-6 } }]);
    tf.unregisterKernel('RMSNorm', 'cpu');
    expect(norm()).toEqual(reference);
    expect(calls).toHaveLength(1);
    tf.dispose([x, weight]);
  });

  it('differentiates a kernel by the gradient kernel that goes with it', () => {
    registerFake('SwiGLU');
    const seen: string[] = [];
    tf.registerKernel({
      kernelName: 'SwiGLUGrad',
      backendName: 'cpu',
      kernelFunc: ({ inputs }) => {
        seen.push(...Object.keys(inputs));
        const dy = inputs.dy0 as tf.Tensor;
        return tf.tidy(() => [tf.keep(tf.mul(dy, 2)), tf.keep(tf.zerosLike(dy))]);
      },
    });
    const [gate, up] = [tf.variable(tf.tensor2d([[3, 5]])), tf.variable(tf.tensor2d([[7, 11]]))];
    const { value, grads } = valueAndGrads(() => tf.sum(swiglu(gate, up)).asScalar(), [gate, up]);
    expect(value.dataSync()[0]).toBe(16);
    expect(grads.map((grad) => Array.from(grad.dataSync()))).toEqual([
      [2, 2],
      [0, 0],
    ]);
    tf.dispose([value, ...grads, gate, up]);
    expect(seen).toEqual(['gate', 'up', 'dy0']);
    tf.unregisterKernel('SwiGLUGrad', 'cpu');
  });

  it('asks a gradient kernel for nothing but the gradients of inputs that are no constants', () => {
    registerFake('WithTable');
    const seen: string[] = [];
    tf.registerKernel({
      kernelName: 'WithTableGrad',
      backendName: 'cpu',
      kernelFunc: ({ inputs }) => {
        seen.push(...Object.keys(inputs));
        return tf.tidy(() => [tf.keep(tf.mul(inputs.dy0 as tf.Tensor, 2))]);
      },
    });
    const [x, table] = [tf.variable(tf.tensor1d([3, 5])), tf.tensor1d([7, 11])];
    const op = () => fusedOp('WithTable', { x, table }, {}, ({ x, table }) => tf.mul(x, table), ['table']);
    const { value, grads } = valueAndGrads(() => tf.sum(op()).asScalar(), [x]);
    expect(value.dataSync()[0]).toBe(16);
    expect(Array.from(grads[0]!.dataSync())).toEqual([2, 2]);
    expect(seen).toEqual(['x', 'table', 'dy0']);
    tf.dispose([value, ...grads, x, table]);
    for (const name of ['WithTable', 'WithTableGrad']) tf.unregisterKernel(name, 'cpu');
  });

  it('ignores the kernel of another backend', () => {
    const calls = registerFake('OnlyElsewhere', 'elsewhere');
    const x = tf.scalar(3);
    const y = tf.tidy(() => fusedOp('OnlyElsewhere', { x }, {}, ({ x }) => tf.add(x, 1)));
    expect(y.dataSync()[0]).toBe(4);
    expect(calls).toEqual([]);
    tf.dispose([x, y]);
    tf.unregisterKernel('OnlyElsewhere', 'elsewhere');
  });

  it('leak: leaves nothing but its result, by reference and by kernel', () => {
    const [gate, up] = [tf.ones<tf.Rank.R2>([2, 3]), tf.ones<tf.Rank.R2>([2, 3])];
    const before = tf.memory().numTensors;
    swiglu(gate, up).dispose();
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([gate, up]);
  });
});
