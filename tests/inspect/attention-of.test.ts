import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { UserError } from '../../src/errors.ts';
import { attentionOf } from '../../src/inspect/attention-of.ts';
import { MultiHeadLatentAttention } from '../../src/mla/attention.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { attentionVisibility } from '../../src/ops/mla-attention.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose } from '../all-close.ts';
import { randomIds, smallConfig, smallYarn, idTensor } from '../model/small-model.ts';

const T = 13;
const [ids] = randomIds(1, T, smallConfig.vocabSize, 7) as [number[]];
const { numAttentionHeads: H, vHeadDim: V, kvLoraRank: C, qkNopeHeadDim: P } = smallConfig;

interface LayerPass {
  /** Output of each head [L, H*V], of the attention op that training runs. */
  readonly heads: Float32Array;
  /** Values of each head [L, H, V]. */
  readonly values: number[][][];
}

/** What the attention op and the values of `layer` are in the model's own pass over `ids`. */
function passOf(model: DeepseekV3ForCausalLM, layer: number): LayerPass {
  const found: LayerPass[] = [];
  tf.tidy(() => {
    const attendAt = (length: number) => {
      const attend = model.attendWithin(length, null);
      return (attention: Parameters<typeof attend>[0], x: tf.Tensor3D, index: number) => {
        if (index === layer && attention instanceof MultiHeadLatentAttention) {
          const q = attention.queries(x, model.rotary);
          const latent = attention.latent(x, model.rotary);
          const kv = tf.reshape(attention.kvBProj.apply(tf.reshape(latent.cKv, [length, C])), [length, H, P + V]);
          const values = tf.slice(kv, [0, 0, P], [length, H, V]).arraySync() as number[][][];
          const heads = attention.naiveHeads(q, latent, attentionVisibility(length, null)).dataSync<'float32'>();
          found.push({ heads: heads.slice(), values });
        }
        return attend(attention, x, index);
      };
    };
    const { start } = model.forwardWith(idTensor([ids]), attendAt(T));
    let previous = start;
    const embedded = model.stages.embedding.apply(idTensor([ids]));
    for (const stage of model.stages.mtp) previous = stage.predict(previous, embedded, attendAt(T - stage.depth)).start;
  });
  return found[0]!;
}

describe.each(['cpu', 'engine'] as const)('attentionOf on %s', (backend) => {
  beforeAll(() => activateBackend(backend));

  it.each([
    ['a main layer', 1, {}],
    ['the first layer, with YaRN', 0, smallYarn],
    ['the MTP module of depth 2', 3, {}],
  ])('weighs the values as the attention op does, in %s', async (_, layer, changes) => {
    const model = new DeepseekV3ForCausalLM({ ...smallConfig, ...changes }, 5);
    const { heads, values } = passOf(model, layer);
    const L = values.length;
    for (let head = 0; head < H; head++) {
      const { positions, weights } = await attentionOf(model, ids, layer, head);
      expect(positions).toBe(L);
      for (let i = 0; i < L; i++) {
        const row = weights.subarray(i * L, (i + 1) * L);
        expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 5); // up to thirteen float32 numbers
        expect(row.subarray(i + 1).every((weight) => weight === 0)).toBe(true);
        const expected = heads.subarray((i * H + head) * V, (i * H + head + 1) * V);
        const weighed = Array.from({ length: V }, (_, c) => {
          return row.reduce((sum, weight, j) => sum + weight * values[j]![head]![c]!, 0);
        });
        // Values are of order 1; the op adds the same terms in float32 and in another order.
        expectAllClose(weighed, expected, { rtol: 1e-5, atol: 1e-5 });
      }
    }
    model.dispose();
  });
});

describe('attentionOf', () => {
  beforeAll(() => activateBackend('cpu'));

  it('leak: leaves no tensor behind', async () => {
    const model = new DeepseekV3ForCausalLM(smallConfig, 5);
    const before = tf.memory().numTensors;
    await attentionOf(model, ids, 2, 0);
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });

  it.each([
    ['a layer', ids, 4, 0, /no layer 4; use 0 to 3/],
    ['a head', ids, 0, 3, /no head 3; use 0 to 2/],
    ['a negative head', ids, 0, -1, /no head -1; use 0 to 2/],
    ['enough tokens', [3], 2, 0, /layer 2 predicts 2 tokens ahead; give at least 2 tokens/],
    ['any tokens', [], 0, 0, /no tokens; give a text/],
  ])('refuses to look where there is not %s', async (_, some, layer, head, message) => {
    const model = new DeepseekV3ForCausalLM(smallConfig, 5);
    const refused = attentionOf(model, some, layer, head);
    await expect(refused).rejects.toThrow(UserError);
    await expect(refused).rejects.toThrow(message);
    model.dispose();
  });
});
