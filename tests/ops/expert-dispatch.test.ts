// How tokens get to their experts: the kernel first, then the host, then all experts.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { MixtureOfExperts } from '../../src/moe/moe.ts';
import { registerKernels } from '../../src/ops/register-kernels.ts';
import { expertDispatch, routedExpertsOp } from '../../src/ops/routed-experts.ts';
import { activeBackend, setActiveBackend } from '../../src/tensor/active-backend.ts';
import { ParameterStore } from '../../src/tensor/parameters.ts';
import { normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose } from '../all-close.ts';
import { smallConfig } from '../model/small-model.ts';

const [B, T] = [2, 5];
const D = smallConfig.hiddenSize;

/** The active backend, as one that waits for every read. */
const forbidReading = () => setActiveBackend({ ...activeBackend(), canReadSync: false });

/** A layer applied to some tokens, and how often the host has read a tensor meanwhile. */
async function applyLayer(): Promise<{ out: Float32Array; reads: number }> {
  const store = new ParameterStore(7, 0.3);
  const moe = new MixtureOfExperts(store, 'mlp', smallConfig, 1);
  const x = tf.tensor3d(normalArray(B * T * D, 1, 3), [B, T, D]);
  const read = vi.spyOn(tf.Tensor.prototype, 'dataSync');
  const y = tf.tidy(() => moe.apply(x, () => {}));
  const reads = read.mock.calls.length;
  read.mockRestore();
  const out = await y.data<'float32'>();
  tf.dispose([x, y]);
  store.dispose();
  return { out, reads };
}

describe('expertDispatch', () => {
  beforeEach(() => activateBackend('cpu'));

  afterEach(() => {
    for (const { kernelName } of [...tf.getKernelsForBackend('cpu')]) {
      if (kernelName.startsWith('RoutedExperts')) tf.unregisterKernel(kernelName, 'cpu');
    }
  });

  it('is the kernel on the engine, and the host where a backend has none', async () => {
    expect(expertDispatch()).toBe('host');
    await activateBackend('wasm');
    expect(expertDispatch()).toBe('host');
    await activateBackend('engine');
    expect(expertDispatch()).toBe('kernel');
    // Nobody has to read what a kernel reads itself.
    forbidReading();
    expect(expertDispatch()).toBe('kernel');
  });

  it('is dense where nobody can read: a layer then gives the same without reading anything', async () => {
    const sparse = await applyLayer();
    forbidReading();
    expect(expertDispatch()).toBe('dense');
    const dense = await applyLayer();
    expect([sparse.reads, dense.reads]).toEqual([1, 0]);
    // Float32 sums of a dozen products, in another order.
    expectAllClose(dense.out, sparse.out, { rtol: 1e-5, atol: 1e-5 });
  });

  it('asks a backend that registers the kernel first, whatever it is called and though it cannot be read', async () => {
    forbidReading();
    let calls = 0;
    registerKernels('cpu', routedExpertsOp, {
      forward: (
        backend: { makeTensorInfo(shape: number[], dtype: string, values: unknown): tf.TensorInfo },
        _,
        call,
      ) => {
        calls++;
        const { N, K, D, F } = call.sizes;
        const make = (shape: number[], dtype = 'float32') => {
          const size = shape.reduce((a, b) => a * b, 1);
          return backend.makeTensorInfo(
            shape,
            dtype,
            dtype === 'int32' ? new Int32Array(size) : new Float32Array(size),
          );
        };
        return { y: make([N, D]), plan: make([1], 'int32'), gateUp: make([N * K, 2 * F]), active: make([N * K, F]) };
      },
      gradient: () => {
        throw new Error('nobody asked for a gradient');
      },
    });
    expect(expertDispatch()).toBe('kernel');
    const { reads } = await applyLayer();
    expect([calls, reads]).toEqual([1, 0]);
  });
});
