import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { DecoderLayer } from '../../src/layers/decoder-layer.ts';
import { Linear } from '../../src/layers/linear.ts';
import { SwiGluMlp } from '../../src/layers/mlp.ts';
import { RMSNorm } from '../../src/layers/rms-norm.ts';
import { ParameterStore } from '../../src/tensor/parameters.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose } from '../all-close.ts';
import { smallConfig } from '../model/small-model.ts';

const close = { rtol: 1e-5, atol: 1e-6 }; // one float32 operation after another

beforeAll(() => activateBackend('cpu'));

/** A store whose weights are set by hand afterwards. */
const emptyStore = () => new ParameterStore(0, 1);
const set = (variable: tf.Variable, values: number[]) =>
  tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));

describe('Linear', () => {
  it('multiplies by a matrix stored as [out, in], without bias', () => {
    const store = emptyStore();
    const linear = new Linear(store, 'f', 3, 2);
    set(linear.weight as tf.Variable, [1, 2, 3, 4, 5, 6]);
    expect([...store.parameters.keys()]).toEqual(['f.weight']);
    expect(tf.tidy(() => linear.apply(tf.tensor2d([[1, 0, -1]])).arraySync())).toEqual([[-2, -2]]);
    store.dispose();
  });
});

describe('RMSNorm', () => {
  it('divides by the root mean square, which includes eps, and has gains of 1 at first', () => {
    const store = emptyStore();
    const norm = new RMSNorm(store, 'norm', 2, 7);
    const x = tf.tensor2d([[3, -5]]); // mean square 17, plus 7
    const found = tf.tidy(() => norm.apply(x).dataSync());
    expectAllClose(found, [3 / Math.sqrt(24), -5 / Math.sqrt(24)], close);
    set(norm.weight as tf.Variable, [2, 10]);
    expectAllClose(
      tf.tidy(() => norm.apply(x).dataSync()),
      [6 / Math.sqrt(24), -50 / Math.sqrt(24)],
      close,
    );
    x.dispose();
    store.dispose();
  });
});

describe('SwiGluMlp', () => {
  it('is down(silu(gate(x)) * up(x))', () => {
    const store = emptyStore();
    const mlp = new SwiGluMlp(store, 'mlp', 1, 2);
    set(mlp.gateProj.weight as tf.Variable, [1, -2]);
    set(mlp.upProj.weight as tf.Variable, [3, 5]);
    set(mlp.downProj.weight as tf.Variable, [7, 11]);
    const silu = (x: number) => x / (1 + Math.exp(-x));
    const found = tf.tidy(() => mlp.apply(tf.tensor2d([[2]])).dataSync());
    expectAllClose(found, [7 * silu(2) * 6 + 11 * silu(-4) * 10], close);
    store.dispose();
  });
});

describe('DecoderLayer', () => {
  it('adds both sublayers to the residual stream, each after its own norm', () => {
    const store = emptyStore();
    const layer = new DecoderLayer(store, 'layer', { ...smallConfig, hiddenSize: 2, rmsNormEps: 0 });
    set(store.parameters.get('layer.input_layernorm.weight')!, [1, 2]);
    set(store.parameters.get('layer.post_attention_layernorm.weight')!, [3, 1]);
    const found = tf.tidy(() =>
      layer
        .apply(
          tf.tensor3d([[[1, 1]]]),
          (normed) => tf.mul(normed, tf.tensor1d([-2, 1])), // normed is [1, 2]: the stream becomes [-1, 3]
          (normed) => tf.mul(normed, 10), // normed is [-3, 3] / sqrt(5)
        )
        .dataSync(),
    );
    expectAllClose(found, [-1 - 30 / Math.sqrt(5), 3 + 30 / Math.sqrt(5)], close);
    store.dispose();
  });
});
