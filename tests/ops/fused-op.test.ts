import type { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import { afterEach, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { attributes, defineOp, type Op, type OpSpec } from '../../src/ops/define-op.ts';
import { fusedOp } from '../../src/ops/fused-op.ts';
import type { Kernels } from '../../src/ops/kernel-types.ts';
import { attentionVisibility, mlaAttention, mlaAttentionOp } from '../../src/ops/mla-attention.ts';
import { registerKernels } from '../../src/ops/register-kernels.ts';
import { rmsNorm, rmsNormOp } from '../../src/ops/rms-norm.ts';
import { swiglu, swigluOp } from '../../src/ops/swiglu.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import { tf } from '../../src/tensor/tf.ts';

await activateBackend('cpu');

const registerOnCpu = <S extends OpSpec>(op: Op<S>, kernels: Kernels<S, MathBackendCPU>) =>
  registerKernels('cpu', op, kernels);

/** A tensor that a fake kernel makes, and the values of one that it gets. */
const make = (backend: MathBackendCPU, values: number[], shape = [values.length]): tf.TensorInfo =>
  backend.makeTensorInfo(shape, 'float32', Float32Array.from(values));
const read = (backend: MathBackendCPU, { dataId }: tf.TensorInfo): number[] =>
  Array.from(backend.data.get(dataId).values as Float32Array);

/** Scales by a table and an attribute; its gradient kernel reads everything that there is to read. */
const scaleOp = defineOp({
  name: 'TestScale',
  inputs: { x: 'N', table: 'N', 'shift?': 'N' },
  constants: ['table'],
  attrs: attributes<{ readonly factor: number }>(),
  outputs: { y: 'N', twice: 'N' },
  savedOutputs: ['y'],
  saved: { halves: 'N', 'thirds?': 'N' },
});

const runScale = (x: tf.Tensor1D, table: tf.Tensor1D, shift?: tf.Tensor1D) =>
  fusedOp(scaleOp, { x, table, shift }, { factor: 10 }, () => {
    throw new Error('the reference is not to run');
  });

describe('fusedOp', () => {
  const seen: Record<string, unknown>[] = [];

  afterEach(() => {
    seen.length = 0;
    for (const { kernelName } of [...tf.getKernelsForBackend('cpu')]) {
      if (/^(RMSNorm|SwiGLU|MlaAttention|Test)/.test(kernelName)) tf.unregisterKernel(kernelName, 'cpu');
    }
  });

  it('runs the kernel of the active backend in place of the reference, until it is unregistered', () => {
    const [x, weight] = [tf.tensor2d([[3, 4]]), tf.tensor1d([1, 1])];
    const norm = () => Array.from(tf.tidy(() => rmsNorm(x, weight, 1e-6)).dataSync());
    const reference = norm();
    expect(reference[0]).toBeCloseTo(3 / Math.sqrt(12.5), 5);
    registerOnCpu(rmsNormOp, {
      forward: (backend, inputs, { attrs, sizes }) => {
        seen.push({ inputs: Object.keys(inputs), attrs, sizes });
        const doubled = read(backend, inputs.x).map((x) => 2 * x);
        return { y: make(backend, doubled, inputs.x.shape), rstd: make(backend, [1]) };
      },
      gradient: () => {
        throw new Error('nobody asked for a gradient');
      },
    });
    expect(norm()).toEqual([6, 8]);
    expect(seen).toEqual([{ inputs: ['x', 'weight'], attrs: { eps: 1e-6 }, sizes: { N: 1, D: 2 } }]);
    tf.unregisterKernel('RMSNorm', 'cpu');
    expect(norm()).toEqual(reference);
    expect(seen).toHaveLength(1);
    tf.dispose([x, weight]);
  });

  const registerScale = (withThirds: boolean) =>
    registerOnCpu(scaleOp, {
      forward: (backend, inputs, { attrs: { factor } }) => {
        const [x, table] = [read(backend, inputs.x), read(backend, inputs.table)];
        const y = x.map((value, i) => factor * value * table[i]!);
        const part = (divisor: number) =>
          make(
            backend,
            x.map((value) => value / divisor),
          );
        const twice = y.map((value) => 2 * value);
        const thirds = withThirds ? part(3) : undefined;
        return { y: make(backend, y), twice: make(backend, twice), halves: part(2), thirds };
      },
      gradient: (backend, inputs, { attrs: { factor }, sizes, dys, saved }) => {
        const thirds = saved.thirds === undefined ? null : read(backend, saved.thirds);
        seen.push({ sizes, y: read(backend, saved.y), halves: read(backend, saved.halves), thirds });
        const [dy, dTwice, table] = [dys.y, dys.twice, inputs.table].map((info) => read(backend, info));
        const dx = table!.map((value, i) => factor * value * (dy![i]! + 2 * dTwice![i]!));
        const shift = inputs.shift === undefined ? undefined : make(backend, Array(dx.length).fill(13));
        return { x: make(backend, dx), shift };
      },
    });

  it.each([true, false])(
    'gives a gradient kernel names: inputs, dys and what was saved; optional: %s',
    (withThirds) => {
      registerScale(withThirds);
      const [x, table] = [tf.variable(tf.tensor1d([3, 6])), tf.tensor1d([7, 11])];
      const before = tf.memory().numTensors;
      const loss = () => {
        const { y, twice } = runScale(x, table);
        return tf.sum(tf.add(y, tf.mul(twice, 3))).asScalar();
      };
      const { value, grads } = valueAndGrads(loss, [x]);
      // y = 10 x table, so the loss is 7 times that, and so is its slope.
      expect(value.dataSync()[0]).toBe(7 * (210 + 660));
      expect(Array.from(grads[0]!.dataSync())).toEqual([490, 770]);
      const thirds = withThirds ? [1, 2] : null;
      expect(seen).toEqual([{ sizes: { N: 2 }, y: [210, 660], halves: [1.5, 3], thirds }]);
      tf.dispose([value, ...grads]);
      expect(tf.memory().numTensors).toBe(before);
      tf.dispose([x, table]);
    },
  );

  it('asks for the gradient of an optional input where it is given, and never for that of a constant', () => {
    registerScale(false);
    const variables = [
      [3, 6],
      [7, 11],
      [1, 1],
    ].map((values) => tf.variable(tf.tensor1d(values)));
    const [x, table, shift] = variables as [tf.Variable<tf.Rank.R1>, tf.Variable<tf.Rank.R1>, tf.Variable<tf.Rank.R1>];
    const { value, grads } = valueAndGrads(() => tf.sum(runScale(x, table, shift).y).asScalar(), [shift, table]);
    expect(grads.map((grad) => Array.from(grad.dataSync()))).toEqual([
      [13, 13],
      [0, 0],
    ]);
    tf.dispose([value, ...grads, x, table, shift]);
  });

  it('lets a kernel return one tensor under two names', () => {
    registerOnCpu(swigluOp, {
      forward: (backend, { gate }) => ({ y: make(backend, [6, 10], gate.shape) }),
      gradient: (backend, { gate }) => {
        const dx = make(backend, [2, 2], gate.shape);
        return { gate: dx, up: dx };
      },
    });
    const [gate, up] = [tf.variable(tf.tensor2d([[3, 5]])), tf.variable(tf.tensor2d([[7, 11]]))];
    const { value, grads } = valueAndGrads(() => tf.sum(swiglu(gate, up)).asScalar(), [gate, up]);
    expect(value.dataSync()[0]).toBe(16);
    grads[0]!.dispose();
    expect(Array.from(grads[1]!.dataSync())).toEqual([2, 2]);
    tf.dispose([value, grads[1]!, gate, up]);
  });

  it('leaves an input out that is not given, for kernel and reference', () => {
    const [q, kv, kRope] = [tf.ones([1, 2, 1, 3]), tf.ones([1, 2, 1, 4]), tf.ones([1, 2, 1])] as const;
    const attend = () =>
      tf.tidy(() =>
        mlaAttention(q as tf.Tensor4D, kv as tf.Tensor4D, kRope as tf.Tensor3D, attentionVisibility(2, null), 1),
      );
    const reference = attend();
    registerOnCpu(mlaAttentionOp, {
      forward: (backend, { documentIds }, { sizes }) => {
        seen.push({ documentIds, sizes });
        return { out: make(backend, [0, 0, 0, 0], [1, 2, 2]), stats: make(backend, [0, 0, 0, 0], [1, 1, 2, 2]) };
      },
      gradient: () => {
        throw new Error('nobody asked for a gradient');
      },
    });
    const found = attend();
    expect(found.shape).toEqual(reference.shape);
    expect(seen).toEqual([{ documentIds: undefined, sizes: { B: 1, T: 2, H: 1, R: 1, P: 2, V: 2 } }]);
    tf.dispose([q, kv, kRope, reference, found]);
  });

  it('ignores the kernel of another backend', () => {
    const op = defineOp({ name: 'TestElsewhere', inputs: { x: '' }, outputs: { y: '' } });
    registerKernels('elsewhere', op, {
      forward: () => {
        throw new Error('this backend is not active');
      },
      gradient: () => {
        throw new Error('this backend is not active');
      },
    });
    const x = tf.scalar(3);
    const y = tf.tidy(() => fusedOp(op, { x }, {}, ({ x }) => ({ y: tf.add(x, 1) })).y);
    expect(y.dataSync()[0]).toBe(4);
    tf.dispose([x, y]);
    for (const name of ['TestElsewhere', 'TestElsewhereGrad']) tf.unregisterKernel(name, 'elsewhere');
  });

  it('keeps an op of constants off the tape, by kernel and by reference', () => {
    const op = defineOp({ name: 'TestConstant', inputs: { x: 'N' }, constants: ['x'], outputs: { y: 'N' } });
    const run = (x: tf.Tensor1D) => fusedOp(op, { x }, {}, ({ x }) => ({ y: tf.mul(x, 2) })).y;
    const x = tf.variable(tf.tensor1d([3, 5]));
    const slopes = () => {
      const { value, grads } = valueAndGrads(() => tf.sum(tf.mul(x, run(x))).asScalar(), [x]);
      const found = [value.dataSync()[0], ...grads[0]!.dataSync()];
      tf.dispose([value, ...grads]);
      return found;
    };
    expect(slopes()).toEqual([68, 6, 10]);
    registerOnCpu(op, {
      forward: (backend, { x }) => {
        const doubled = read(backend, x).map((value) => 2 * value);
        return { y: make(backend, doubled) };
      },
    });
    expect(slopes()).toEqual([68, 6, 10]);
    x.dispose();
  });

  it('leak: leaves nothing but its result, by reference and by kernel', () => {
    const [gate, up] = [tf.ones<tf.Rank.R2>([2, 3]), tf.ones<tf.Rank.R2>([2, 3])];
    const before = tf.memory().numTensors;
    swiglu(gate, up).dispose();
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([gate, up]);
  });
});
