// Golden tests against transformers' DeepseekV3ForCausalLM; see tests/goldens/README.md.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import type { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import { tf } from '../../src/tensor/tf.ts';
import { computeLoss } from '../../src/train/loss.ts';
import { expectAllClose } from '../all-close.ts';
import { loadGolden } from '../goldens/load.ts';
import { goldenModel, inMemory } from '../goldens/model.ts';

const weights = { mtpWeight: 0.3, balancing: 'none', balanceLossFactor: 0 } as const;
const cases = ['base', 'no-q-lora', 'yarn', 'many-groups', 'rope-half', 'norm-off'];

describe.each(['cpu', 'wasm', 'engine'] as const)('DeepseekV3ForCausalLM on %s', (backend) => {
  beforeAll(() => activateBackend(backend));

  describe.each(cases)('golden %s', (name) => {
    const golden = loadGolden(name);
    const ids = golden.values.ids as number[][]; // rows of T + 1
    let model: DeepseekV3ForCausalLM;
    beforeAll(() => {
      model = goldenModel(golden);
    });
    afterAll(() => model.dispose());

    it('gives the logits of transformers', () => {
      const inputs = ids.map((row) => row.slice(0, -1));
      const logits = tf.tidy(() => model.logits(tf.tensor2d(inputs, undefined, 'int32')).dataSync());
      // Logits reach about 3; float32 against float64 in PyTorch itself differs by 1e-6.
      expectAllClose(logits, golden.tensors.get('logits')!.data, { rtol: 0, atol: 1e-5 });
    });

    it('gives the loss and the gradient of every parameter', () => {
      const variables = [...model.parameters];
      const { value, grads } = valueAndGrads(
        () => computeLoss(model, { ids: tf.tensor2d(ids, undefined, 'int32'), documentIds: null }, weights).total,
        variables.map(([, variable]) => variable),
      );
      expect(value.dataSync()[0]).toBeCloseTo(golden.values.loss as number, 5);
      for (const [i, [parameter]] of variables.entries()) {
        const expected = inMemory(golden.tensors, parameter, 'grad.');
        const largest = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
        // 1e-4 relative for every element; small ones may differ by 5e-6 of the largest of their tensor,
        // since float32 sums of products that cancel have no better bound.
        expectAllClose(grads[i]!.dataSync(), expected, { rtol: 1e-4, atol: 5e-6 * largest }, parameter);
      }
      tf.dispose([value, ...grads]);
    });
  });
});
