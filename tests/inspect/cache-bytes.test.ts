import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { modelPreset } from '../../src/config/presets.ts';
import { createDecoder } from '../../src/generate/decoder/create-decoder.ts';
import { cacheBytes } from '../../src/inspect/cache-bytes.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { smallConfig } from '../model/small-model.ts';

describe('cacheBytes', () => {
  beforeAll(() => activateBackend('cpu'));

  it('is what the decoder keeps, for latent attention', async () => {
    const model = new DeepseekV3ForCausalLM(smallConfig, 5);
    const decoder = createDecoder(model);
    await decoder.forward([{ slot: 0, tokens: [3, 1, 4, 1, 5, 9, 2], logits: 'last' }]);
    expect(cacheBytes(smallConfig, 7).mla).toBe(decoder.cacheBytes);
    decoder.dispose();
    model.dispose();
  });

  it('golden: is table 1 of the DeepSeek-V2 report for the released model, in 16 bits', () => {
    // 61 layers, 128 heads of 128 + 128 numbers; a latent of 512 and a rotary key of 64 (F 1.3, F 1.4).
    expect(cacheBytes(modelPreset('deepseek-v3'), 1, 2)).toEqual({
      mla: 2 * 61 * 576,
      mha: 2 * 61 * 128 * 256,
      gqa: 2 * 61 * 8 * 256,
      mqa: 2 * 61 * 256,
      gqaGroups: 8,
    });
  });

  it.each([
    [1, 1],
    [2, 1],
    [3, 1],
    [4, 2],
    [6, 3],
    [10, 5],
    [20, 5],
    [64, 8],
  ])('%i heads make %i groups, which divide them', (heads, groups) => {
    expect(cacheBytes({ ...smallConfig, numAttentionHeads: heads }, 3).gqaGroups).toBe(groups);
  });
});
