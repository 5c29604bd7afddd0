import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import type { ModelConfig } from '../../src/config/model-config.ts';
import { rotaryTables } from '../../src/layers/rotary-embedding.ts';
import { absorbedAttention } from '../../src/mla/absorbed.ts';
import { type AttentionContext, MultiHeadLatentAttention } from '../../src/mla/attention.ts';
import { attentionVisibility } from '../../src/ops/mla-attention.ts';
import { ParameterStore } from '../../src/tensor/parameters.ts';
import { normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose } from '../all-close.ts';
import { smallConfig, smallYarn } from '../model/small-model.ts';

const [B, T] = [2, 13];

const configs: [name: string, changes: Partial<ModelConfig>][] = [
  ['query compression', {}],
  ['plain queries', { qLoraRank: null }],
  ['YaRN', smallYarn],
  ['rotary halves', { ropeInterleave: false }],
  ['one head', { numAttentionHeads: 1, kvLoraRank: 29 }],
  ['values narrower than keys', { numAttentionHeads: 5, vHeadDim: 3, qkNopeHeadDim: 7, qkRopeHeadDim: 2 }],
];

interface Setup {
  readonly attention: MultiHeadLatentAttention;
  readonly x: tf.Tensor3D;
  readonly context: AttentionContext;
  dispose(): void;
}

/** A layer with random weights and inputs; norm gains are random too, so that a forgotten one shows. */
function setUp(changes: Partial<ModelConfig>, documentIds: tf.Tensor2D | null = null): Setup {
  const config = { ...smallConfig, ...changes };
  const store = new ParameterStore(3, 0.3);
  const attention = new MultiHeadLatentAttention(store, 'self_attn', config);
  for (const [name, gain] of store.parameters) {
    if (gain.rank === 1) tf.tidy(() => gain.assign(tf.tensor1d(normalArray(gain.size, 1, name.length))));
  }
  const x = tf.tensor3d(normalArray(B * T * config.hiddenSize, 1, 4), [B, T, config.hiddenSize]);
  const context = { rotary: rotaryTables(config, T), visibility: attentionVisibility(T, documentIds) };
  const { cos, sin, partner } = context.rotary;
  const dispose = () => {
    tf.dispose([x, cos, sin, partner]);
    context.visibility.mask?.dispose();
    store.dispose();
  };
  return { attention, x, context, dispose };
}

describe.each(['cpu', 'wasm', 'engine'] as const)('absorbedAttention on %s', (backend) => {
  beforeAll(() => activateBackend(backend));

  it.each(configs)('property: equals the naive form with %s', (_, changes) => {
    const { attention, x, context, dispose } = setUp(changes);
    const [naive, absorbed] = tf.tidy(() => [
      attention.apply(x, context).dataSync(),
      absorbedAttention(attention, x, context).dataSync(),
    ]);
    expect(naive.some((value) => Math.abs(value) > 0.5)).toBe(true);
    // Outputs are of order 1; the same sums in another order.
    expectAllClose(absorbed, naive, { rtol: 1e-5, atol: 1e-5 });
    dispose();
  });

  it('property: equals the naive form under a document mask', () => {
    const ids = tf.tensor2d(
      Array.from({ length: B * T }, (_, i) => Math.floor(i / 5)),
      [B, T],
      'int32',
    );
    const { attention, x, context, dispose } = setUp({}, ids);
    const [naive, absorbed] = tf.tidy(() => [
      attention.apply(x, context).dataSync(),
      absorbedAttention(attention, x, context).dataSync(),
    ]);
    expectAllClose(absorbed, naive, { rtol: 1e-5, atol: 1e-5 });
    ids.dispose();
    dispose();
  });
});

describe.each(['wasm', 'engine'] as const)('MultiHeadLatentAttention on %s', (backend) => {
  beforeAll(() => activateBackend(backend));

  it('needs kvLoraRank + qkRopeHeadDim numbers of each token, whatever the number of heads', () => {
    const { attention, x, context, dispose } = setUp({ numAttentionHeads: 5 });
    const shapes = tf.tidy(() => Object.values(attention.latent(x, context.rotary)).map(({ shape }) => shape));
    expect(shapes).toEqual([
      [B, T, 11],
      [B, T, 6],
    ]);
    dispose();
  });

  it('property: a token attends to itself and before, within its document', () => {
    const documents = Array.from({ length: T }, (_, i) => (i < 5 ? 0 : 1));
    const ids = tf.tensor2d([documents, documents], undefined, 'int32');
    const { attention, x, context, dispose } = setUp({}, ids);
    const D = smallConfig.hiddenSize;
    const outputs = (input: tf.Tensor3D) => tf.tidy(() => attention.apply(input, context).arraySync());
    const before = outputs(x);
    for (const changed of [0, 4, 5, 9]) {
      const noise = new Float32Array(B * T * D);
      noise.fill(1, changed * D, (changed + 1) * D);
      const after = tf.tidy(() => outputs(tf.add(x, tf.tensor3d(noise, [B, T, D]))));
      for (let i = 0; i < T; i++) {
        const difference = Math.max(...after[0]![i]!.map((value, d) => Math.abs(value - before[0]![i]![d]!)));
        const sees = changed <= i && documents[changed] === documents[i];
        if (sees) expect(difference).toBeGreaterThan(1e-4);
        else expect(difference).toBeLessThan(1e-6); // masked scores have weight 0, so nothing at all moves
      }
      expect(after[1]).toEqual(before[1]);
    }
    ids.dispose();
    dispose();
  });
});
