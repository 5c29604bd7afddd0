// A decoder of products in 8 bits: what the full forward pass of the same products gives, in the absorbed form too.

import { describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { createDecoder } from '../../src/generate/decoder/create-decoder.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { deepseekParts } from '../../src/model/parts.ts';
import { productsIn } from '../../src/ops/products.ts';
import { expectAllClose } from '../all-close.ts';
import { randomIds } from '../model/small-model.ts';
import { fullLogits, randomModel } from './decoder-case.ts';

async function models(changes: Parameters<typeof randomModel>[0] = {}) {
  const plain = randomModel(changes);
  const eight = new DeepseekV3ForCausalLM(plain.config, 0, { ...deepseekParts, products: productsIn('fp8') });
  eight.importTensors(await plain.exportTensors());
  return { plain, eight };
}

describe.each(['engine', 'cpu'] as const)('createDecoder of products in 8 bits on %s', (backend) => {
  it.each([
    ['tiles at the end of rows', {}],
    ['whole tiles', { hiddenSize: 32, kvLoraRank: 16, vHeadDim: 16, moeIntermediateSize: 16 }],
  ] as const)('property: gives the logits of the full forward pass: %s', async (_, changes) => {
    await activateBackend(backend);
    const { plain, eight } = await models(changes);
    const text = randomIds(1, 13, 37, 3)[0]!;
    const expected = fullLogits(eight, text);
    const float32 = fullLogits(plain, text);
    const decoder = createDecoder(eight);
    await decoder.forward([{ slot: 0, tokens: text.slice(0, 5), logits: 'last' }]);
    for (let i = 5; i < 13; i++) {
      const [logits] = await decoder.forward([{ slot: 0, tokens: [text[i]!], logits: 'last' }]);
      // Sums in another order, as in float32. A number that they move across the middle of two 8-bit ones would show a
      // thousand times this; none of these does.
      expectAllClose(logits!, expected[i]!, { rtol: 1e-5, atol: 1e-5 });
      const apart = logits!.map((value, v) => Math.abs(value - float32[i]![v]!));
      expect(Math.max(...apart)).toBeGreaterThan(1e-3); // it is not the decoder of float32
    }
    decoder.dispose();
    for (const model of [plain, eight]) model.dispose();
  });
});
