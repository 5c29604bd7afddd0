// Golden tests of multi-token prediction against PyTorch; see tests/goldens/README.md.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import type { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import { tf } from '../../src/tensor/tf.ts';
import { computeLoss, type LossTerms } from '../../src/train/loss.ts';
import { expectAllClose } from '../all-close.ts';
import { loadGolden } from '../goldens/load.ts';
import { goldenModel, inMemory } from '../goldens/model.ts';
import { idTensor } from '../model/small-model.ts';

const weights = { mtpWeight: 0.3, balancing: 'none', balanceLossFactor: 0 } as const;
const sharedNames = ['model.embed_tokens.weight', 'lm_head.weight'];

describe.each(['cpu', 'wasm'] as const)('multi-token prediction on %s', (backend) => {
  beforeAll(() => activateBackend(backend));

  describe.each(['mtp', 'mtp-paper'])('golden %s', (name) => {
    const golden = loadGolden(name);
    const ids = golden.values.ids as number[][]; // rows of T + 1
    let model: DeepseekV3ForCausalLM;
    beforeAll(() => {
      model = goldenModel(golden);
    });
    afterAll(() => model.dispose());

    const lossOf = (term: (terms: LossTerms) => tf.Scalar) => () =>
      term(computeLoss(model, { ids: idTensor(ids), documentIds: null }, weights));

    /** Largest error 1e-4 of the largest element: sums of products with cancellation have no better bound. */
    function expectGradients(names: readonly string[], grads: readonly tf.Tensor[], prefix: string): void {
      for (const [i, name] of names.entries()) {
        const expected = inMemory(golden.tensors, name, prefix);
        const largest = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
        expectAllClose(grads[i]!.dataSync(), expected, { rtol: 0, atol: 1e-4 * largest + 1e-9 }, name);
      }
    }

    it('gives the hidden states and logits of every depth', () => {
      tf.tidy(() => {
        const inputs = ids.map((row) => row.slice(0, -1));
        const { mtpHidden } = model.forward(idTensor(inputs), { mtp: true });
        expect(mtpHidden).toHaveLength(2);
        for (const [i, hidden] of mtpHidden.entries()) {
          const [B, L, D] = hidden.shape;
          const logits = tf.matMul(tf.reshape(hidden, [B * L, D]), model.lmHead, false, true);
          for (const [tensor, kind] of [
            [hidden, 'hidden'],
            [logits, 'logits'],
          ] as const) {
            const expected = golden.tensors.get(`mtp.${i + 1}.${kind}`)!.data;
            // Values reach about 4; float32 against float64 in PyTorch itself differs by 1e-6.
            expectAllClose(tensor.dataSync(), expected, { rtol: 0, atol: 1e-5 }, `${kind} ${i + 1}`);
          }
        }
      });
    });

    it('gives the main loss, the loss of every depth, and their weighted total', () => {
      const found = tf.tidy(() => {
        const { main, mtp, total } = computeLoss(model, { ids: idTensor(ids), documentIds: null }, weights);
        return [main, ...mtp, total].map((loss) => loss.dataSync()[0]!);
      });
      const { loss, mtpLosses, totalLoss } = golden.values;
      const expected = [loss as number, ...(mtpLosses as number[]), totalLoss as number];
      expectAllClose(found, expected, { rtol: 2e-6, atol: 0 }); // about 4, and written with 8 digits
    });

    it('gives the gradient of every parameter, embedding and head included', () => {
      const names = [...model.parameters.keys()];
      const { value, grads } = valueAndGrads(
        lossOf(({ total }) => total),
        [...model.parameters.values()],
      );
      expectGradients(names, grads, 'grad.');
      tf.dispose([value, ...grads]);
    });

    it('B14: the MTP loss alone trains the shared embedding and the shared head', () => {
      const { value, grads } = valueAndGrads(
        lossOf(({ mtp }) => tf.mul(tf.add(mtp[0]!, mtp[1]!), 0.3 / 2)),
        sharedNames.map((name) => model.parameters.get(name)!),
      );
      expectGradients(sharedNames, grads, 'gradOfMtpLoss.');
      for (const grad of grads) expect(grad.dataSync().some((g) => Math.abs(g) > 1e-3)).toBe(true);
      tf.dispose([value, ...grads]);
    });
  });
});

describe('the MTP modules', () => {
  it('B14: have no embedding or head of their own: both depths read those of the main model', async () => {
    await activateBackend('cpu');
    const golden = loadGolden('mtp');
    const model = goldenModel(golden);
    const own = [...model.parameters.keys()].filter((name) =>
      /layers\.[23]\..*(embed_tokens|shared_head\.head|lm_head)/.test(name),
    );
    expect(own).toEqual([]);
    // Without its hidden half an MTP module sees the main model through embedding and head alone.
    for (const layer of [2, 3]) {
      const ehProj = model.parameters.get(`model.layers.${layer}.eh_proj.weight`)!;
      const [D] = ehProj.shape as [number, number];
      tf.tidy(() => ehProj.assign(tf.concat([tf.slice(ehProj, [0, 0], [D, D]), tf.zeros([D, D])], 1)));
    }
    const losses = () =>
      tf.tidy(() => {
        const input = { ids: idTensor(golden.values.ids as number[][]), documentIds: null };
        return computeLoss(model, input, weights).mtp.map((loss) => loss.dataSync()[0]!);
      });
    for (const name of sharedNames) {
      const before = losses();
      const shared = model.parameters.get(name)!;
      tf.tidy(() => shared.assign(tf.reverse(shared, 0)));
      const after = losses();
      for (const depth of [0, 1]) expect(Math.abs(after[depth]! - before[depth]!), name).toBeGreaterThan(0.01);
    }
    model.dispose();
  });
});
