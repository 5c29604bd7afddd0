import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { tf } from '../../src/tensor/tf.ts';
import { idTensor, randomIds, smallConfig, spreadBiases } from '../model/small-model.ts';

const T = 11;
const depths = [1, 2];

describe.each(['post-norm', 'pre-norm'] as const)('causality of MTP with %s hidden states', (mtpHiddenState) => {
  let model: DeepseekV3ForCausalLM;
  beforeAll(async () => {
    await activateBackend('wasm');
    model = new DeepseekV3ForCausalLM({ ...smallConfig, mtpHiddenState }, 5);
    spreadBiases(model, 6);
  });
  afterAll(() => model.dispose());

  /** What the head reads at each depth: [depth - 1][position][channel]. */
  const hiddenStates = (row: number[]) =>
    tf.tidy(() => model.forward(idTensor([row]), { mtp: true }).mtpHidden.map((hidden) => hidden.arraySync()[0]!));

  const difference = (a: number[], b: number[]) => Math.max(...a.map((value, d) => Math.abs(value - b[d]!)));

  it.each(depths)('property: at depth %i, position i changes only with tokens at or before i + depth', (k) => {
    const [row] = randomIds(1, T, smallConfig.vocabSize, 7);
    const before = hiddenStates(row!)[k - 1]!;
    expect(before).toHaveLength(T - k);
    for (let changed = 0; changed < T; changed++) {
      const other = row!.map((id, i) => (i === changed ? (id + 1) % smallConfig.vocabSize : id));
      const after = hiddenStates(other)[k - 1]!;
      for (let i = 0; i < T - k; i++) {
        const moved = difference(before[i]!, after[i]!);
        // Regrouping tokens by expert can move last bits of numbers of order 1.
        if (i + k < changed) expect(moved).toBeLessThan(1e-5);
        if (i + k === changed) expect(moved).toBeGreaterThan(1e-2);
      }
    }
  });

  it('property: the main model does not see the MTP modules', () => {
    const ids = randomIds(2, T, smallConfig.vocabSize, 8);
    const hidden = (mtp: boolean) => tf.tidy(() => model.forward(idTensor(ids), { mtp }).hidden.dataSync());
    expect(hidden(true)).toEqual(hidden(false));
  });
});
