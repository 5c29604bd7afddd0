// The attention that latent attention is compared with: matched parameters, causality, and what each is made to lack.

import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../../src/backends/backends.ts';
import { modelPreset, trainPreset } from '../../../src/config/presets.ts';
import type { Variant } from '../../../src/experiments/study.ts';
import { attentionVariants, groupedCacheElements, groupedShapes } from '../../../src/experiments/variants/attention.ts';
import { GroupedQueryAttention } from '../../../src/experiments/variants/grouped-attention.ts';
import {
  UnnormedLatentAttention,
  UnrotatedLatentAttention,
} from '../../../src/experiments/variants/latent-attention.ts';
import { rotaryTables } from '../../../src/layers/rotary-embedding.ts';
import { type Attention, MultiHeadLatentAttention } from '../../../src/mla/attention.ts';
import { attentionVisibility } from '../../../src/ops/mla-attention.ts';
import { float32Products } from '../../../src/ops/products.ts';
import { ParameterStore } from '../../../src/tensor/parameters.ts';
import { tf } from '../../../src/tensor/tf.ts';
import { createLearner, disposeLearner } from '../../../src/train/learner.ts';
import { expectAllClose } from '../../all-close.ts';
import { smallConfig } from '../../model/small-model.ts';
import { constant } from '../../ops/op-case.ts';

const [B, T, D] = [2, 7, smallConfig.hiddenSize];
const shape = { heads: 6, keyHeads: 2, headDim: 11 };
const deepseek: Variant = async () => ({});
const store = () => new ParameterStore(3, 0.3);
/** Close to 1 in the last digits of sums of some dozen numbers of size 1. */
const close = { rtol: 0, atol: 1e-5 };

/** Output for one input; the tables are those of the small model. */
function run(attention: Attention, x: tf.Tensor3D): Float32Array {
  return tf.tidy(() => {
    const context = { rotary: rotaryTables(smallConfig, T), visibility: attentionVisibility(T, null) };
    return attention.apply(x, context).dataSync<'float32'>();
  });
}

const inputs = () => constant<tf.Rank.R3>('x', [B, T, D]);
/** The first two tokens of every row exchanged. */
const exchanged = (x: tf.Tensor3D) =>
  tf.gather(x, tf.tensor1d([1, 0, ...Array.from({ length: T - 2 }, (_, i) => i + 2)], 'int32'), 1);
const lastRows = (y: Float32Array) =>
  Array.from({ length: B }, (_, b) => [...y.subarray((b * T + T - 1) * D, (b + 1) * T * D)]).flat();

beforeAll(() => activateBackend('engine', { threads: 2 }));

describe('attention variants', () => {
  it('have as many weights as the latent attention of preset tiny, but for its norms', async () => {
    const [model, train] = [{ ...modelPreset('tiny'), vocabSize: 64 }, trainPreset('tiny')];
    const sizes: Record<string, number> = {};
    for (const [name, variant] of [['mla', deepseek], ...Object.entries(attentionVariants)] as const) {
      const learner = createLearner({ model, train }, (await variant()).parts);
      sizes[name] = [...learner.model.parameters.values()].reduce((sum, { size }) => sum + size, 0);
      disposeLearner(learner);
    }
    const { mla, ...others } = sizes;
    const norms = 5 * (64 + 32); // of the two latents, in four layers and one MTP module
    const expected = { mha: mla! - norms, gqa: mla! - norms, mqa: mla! - norms, 'mla-without-norms': mla! - norms };
    expect(others).toEqual({ ...expected, 'mla-without-rope': mla });
  });

  it('keep 200, 80 and 40 numbers of a token and layer, where latent attention keeps 48', () => {
    expect(Object.values(groupedShapes).map(groupedCacheElements)).toEqual([200, 80, 40]);
  });

  it.each([
    ['grouped', () => new GroupedQueryAttention(store(), 'a', smallConfig, float32Products, shape)],
    ['without norms', () => new UnnormedLatentAttention(store(), 'a', smallConfig, float32Products)],
    ['without rotation', () => new UnrotatedLatentAttention(store(), 'a', smallConfig)],
  ] as const)('look at no later token: %s', (_, create) => {
    const attention = create();
    const x = inputs();
    const changed = tf.tidy(() => tf.concat([tf.slice(x, [0, 0, 0], [B, T - 1, D]), tf.ones([B, 1, D])], 1));
    const earlier = (y: Float32Array) => [...y.subarray(0, (T - 1) * D), ...y.subarray(T * D, (2 * T - 1) * D)];
    expect(earlier(run(attention, changed as tf.Tensor3D))).toEqual(earlier(run(attention, x)));
    expect(lastRows(run(attention, changed as tf.Tensor3D))).not.toEqual(lastRows(run(attention, x)));
  });

  it('without rotation cannot tell the order of earlier tokens, which latent attention can', () => {
    const x = inputs();
    const of = (attention: Attention) => [lastRows(run(attention, x)), lastRows(run(attention, exchanged(x)))] as const;
    const [a, b] = of(new UnrotatedLatentAttention(store(), 'a', smallConfig));
    expectAllClose(b, a, close);
    const [c, d] = of(new MultiHeadLatentAttention(store(), 'a', smallConfig));
    expect(Math.max(...c.map((value, i) => Math.abs(value - d[i]!)))).toBeGreaterThan(1e-3);
  });

  it('without norms is latent attention whose latents are not scaled', () => {
    const [plain, normed] = [store(), store()];
    const attention = new UnnormedLatentAttention(plain, 'a', smallConfig, float32Products);
    void new MultiHeadLatentAttention(normed, 'a', smallConfig);
    expect([...plain.parameters.keys()]).toEqual(
      [...normed.parameters.keys()].filter((name) => !name.includes('norm')),
    );
    // Twice the input: scores four times as large, which a norm would hide. Of the first token the output is its value,
    // times two.
    const first = (y: Float32Array) => y.subarray(0, D);
    const doubled = run(attention, tf.mul(inputs(), 2));
    expectAllClose(
      first(doubled),
      first(run(attention, inputs())).map((v) => 2 * v),
      { rtol: 1e-5, atol: 1e-5 },
    );
  });

  it('of groups is attention with every key head repeated', () => {
    const [few, many] = [store(), store()];
    const grouped = new GroupedQueryAttention(few, 'a', smallConfig, float32Products, shape);
    const full = new GroupedQueryAttention(many, 'a', smallConfig, float32Products, { ...shape, keyHeads: 6 });
    for (const [name, parameter] of many.parameters) {
      const source = few.parameters.get(name)!;
      if (parameter.shape[0] === source.shape[0]) continue;
      tf.tidy(() => {
        const heads = tf.reshape(source as tf.Tensor, [2, 1, 11 * D]);
        parameter.assign(tf.reshape(tf.tile(heads, [1, 3, 1]), [66, D]));
      });
    }
    expectAllClose(run(full, inputs()), run(grouped, inputs()), close);
  });

  it('of groups gives the first token its own value, through the output projection', () => {
    const weights = store();
    const attention = new GroupedQueryAttention(weights, 'a', smallConfig, float32Products, { ...shape, keyHeads: 6 });
    const expected = tf.tidy(() => {
      const first = tf.reshape(tf.slice(inputs(), [0, 0, 0], [1, 1, D]), [1, D]);
      const value = tf.matMul(first, weights.parameters.get('a.v_proj.weight') as tf.Tensor2D, false, true);
      return tf.matMul(value, weights.parameters.get('a.o_proj.weight') as tf.Tensor2D, false, true).dataSync();
    });
    expectAllClose(run(attention, inputs()).subarray(0, D), expected, close);
  });
});
