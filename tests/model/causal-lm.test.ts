import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { countParameters } from '../../src/config/counts.ts';
import type { ModelConfig } from '../../src/config/model-config.ts';
import { bufferShapes, type NamedShape, parameterShapes } from '../../src/config/parameter-shapes.ts';
import { modelPreset } from '../../src/config/presets.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import { tf } from '../../src/tensor/tf.ts';
import { computeLoss } from '../../src/train/loss.ts';
import { idTensor, randomIds, smallConfig, smallYarn, spreadBiases } from './small-model.ts';

const T = 13;
const weights = { mtpWeight: 0.3, balancing: 'bias', balanceLossFactor: 1e-4 } as const;
const V = smallConfig.vocabSize;

beforeAll(async () => {
  await activateBackend('wasm');
});

describe('parameters', () => {
  const variants: [name: string, config: ModelConfig][] = [
    ['tiny', modelPreset('tiny')],
    ['two MTP depths', smallConfig],
    ['plain queries', { ...smallConfig, qLoraRank: null }],
    ['no shared expert', { ...smallConfig, nSharedExperts: 0 }],
    ['two shared experts and no dense layer', { ...smallConfig, nSharedExperts: 2, firstKDenseReplace: 0 }],
    ['no MTP and no MoE', { ...smallConfig, numNextnPredictLayers: 0, firstKDenseReplace: 2 }],
    ['YaRN', { ...smallConfig, ...smallYarn }],
  ];

  it.each(variants)('contract: have the names, shapes and total of the tables in src/config: %s', async (_, config) => {
    const model = new DeepseekV3ForCausalLM(config, 0);
    const byName = (shapes: readonly NamedShape[]) => new Map(shapes.map(({ name, shape }) => [name, [...shape]]));
    expect(new Map([...model.parameters].map(([name, { shape }]) => [name, shape]))).toEqual(
      byName(parameterShapes(config)),
    );
    const exported = await model.exportTensors();
    expect(byName(exported)).toEqual(byName([...parameterShapes(config), ...bufferShapes(config)]));
    const { total, mtp } = countParameters(config);
    expect(exported.reduce((sum, { data }) => sum + data.length, 0)).toBe(total + mtp);
    model.dispose();
  });

  it('property: the same seed draws the same bits, another seed other weights', async () => {
    const models = [7, 7, 8].map((seed) => new DeepseekV3ForCausalLM(smallConfig, seed));
    const [first, same, other] = await Promise.all(models.map((model) => model.exportTensors()));
    expect(same).toEqual(first);
    for (const [i, { name, shape, data }] of first!.entries()) {
      if (shape.length > 1) expect(other![i]?.data, name).not.toEqual(data);
      else expect(new Set(data).size, name).toBe(1); // gains 1, biases 0
    }
    for (const model of models) model.dispose();
  });

  it('property: the initial standard deviation is initializerRange, the mean 0', async () => {
    const model = new DeepseekV3ForCausalLM(modelPreset('tiny'), 1);
    for (const [name, variable] of model.parameters) {
      if (variable.rank === 1) continue;
      const values = await variable.data<'float32'>();
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      const std = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
      // At least 2048 numbers: the standard error of both is below 2 % of the deviation; four of them.
      expect(Math.abs(std / 0.045 - 1), name).toBeLessThan(0.08);
      expect(Math.abs(mean / 0.045), name).toBeLessThan(0.09);
    }
    model.dispose();
  });

  it('leak: are all gone after dispose', () => {
    const before = tf.memory().numTensors;
    new DeepseekV3ForCausalLM(smallConfig, 1).dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('are imported by name, whatever their order, and refused when one is missing or misshapen', async () => {
    const [a, b] = [new DeepseekV3ForCausalLM(smallConfig, 1), new DeepseekV3ForCausalLM(smallConfig, 2)];
    const tensors = await a.exportTensors();
    b.importTensors([...tensors].reverse());
    expect(await b.exportTensors()).toEqual(tensors);
    expect(() => b.importTensors(tensors.slice(1))).toThrow(/no values for model.embed_tokens.weight/);
    const wrong = { ...tensors[0]!, shape: [...tensors[0]!.shape].reverse() };
    expect(() => b.importTensors([wrong])).toThrow(/does not fit/);
    a.dispose();
    b.dispose();
  });
});

describe('forward', () => {
  let model: DeepseekV3ForCausalLM;
  beforeAll(() => {
    model = new DeepseekV3ForCausalLM(smallConfig, 5);
    spreadBiases(model, 6);
  });
  afterAll(() => model.dispose());

  const hiddenOf = (row: number[]) => tf.tidy(() => model.forward(idTensor([row])).hidden.arraySync()[0]!);

  it('property: a changed token leaves all outputs before it as they were', () => {
    const row = randomIds(1, T, V, 7)[0]!;
    const before = hiddenOf(row);
    for (let changed = 0; changed < T; changed++) {
      const after = hiddenOf(row.map((id, i) => (i === changed ? (id + 1) % V : id)));
      for (let i = 0; i <= changed; i++) {
        const moved = Math.max(...before[i]!.map((value, d) => Math.abs(value - after[i]![d]!)));
        // Regrouping tokens by expert can move last bits of numbers of order 1.
        if (i < changed) expect(moved).toBeLessThan(1e-5);
        else expect(moved).toBeGreaterThan(1e-2);
      }
    }
  });

  it('property: a shuffled future leaves earlier outputs and selections, for the bias is fixed within a step', () => {
    const row = randomIds(1, T, V, 8)[0]!;
    const shuffled = [...row.slice(0, 6), ...row.slice(6).reverse()];
    const decisions = (ids: number[]) =>
      tf.tidy(() => {
        const { hidden, routing } = model.forward(idTensor([ids]));
        const selected = routing.map(({ topkIndices }) => topkIndices.arraySync().slice(0, 6));
        return { hidden: hidden.arraySync()[0]!.slice(0, 6), selected };
      });
    const biases = () => [...model.expertBiases.values()].map((bias) => bias.dataSync().slice());
    const before = biases();
    const [a, b] = [decisions(row), decisions(shuffled)];
    expect(b.selected).toEqual(a.selected);
    for (const [i, state] of a.hidden.entries())
      for (const [d, value] of state.entries()) expect(b.hidden[i]![d]).toBeCloseTo(value, 5);
    expect(biases()).toEqual(before);
  });

  it('property: rows of a batch do not see each other', () => {
    const rows = randomIds(3, T, V, 9);
    const together = tf.tidy(() => model.forward(idTensor(rows)).hidden.arraySync());
    for (const [b, row] of rows.entries()) {
      const alone = hiddenOf(row);
      for (let i = 0; i < T; i++) {
        const moved = Math.max(...alone[i]!.map((value, d) => Math.abs(value - together[b]![i]![d]!)));
        expect(moved).toBeLessThan(1e-5); // other groups of rows per expert, other last bits
      }
    }
  });

  it('records each MoE layer that ran, in order: those of MTP only when asked', () => {
    const layers = (mtp: boolean) =>
      tf.tidy(() => model.forward(idTensor(randomIds(2, T, V, 1)), { mtp }).routing.map(({ layer }) => layer));
    expect(layers(false)).toEqual([1]);
    expect(layers(true)).toEqual([1, 2, 3]);
  });

  it('B7: moves no bias and counts into nothing that stays, with or without MTP', async () => {
    const before = await model.exportTensors();
    const ids = randomIds(2, T + 1, V, 2);
    for (const mtp of [true, false]) tf.tidy(() => void model.forward(idTensor(ids), { mtp }));
    tf.tidy(() => void model.logits(idTensor(ids)));
    tf.tidy(() => void computeLoss(model, { ids: idTensor(ids), documentIds: null }, weights));
    expect(await model.exportTensors()).toEqual(before);
  });

  it('leak: forward, logits, loss and gradients keep only what they return', () => {
    const ids = idTensor(randomIds(2, T + 1, V, 3));
    const documentIds = tf.zerosLike(ids);
    const before = tf.memory().numTensors;
    tf.tidy(() => void model.forward(ids, { mtp: true, documentIds }));
    expect(tf.memory().numTensors).toBe(before);
    model.logits(ids).dispose();
    expect(tf.memory().numTensors).toBe(before);
    const variables = [...model.parameters.values()];
    const { value, grads } = valueAndGrads(() => computeLoss(model, { ids, documentIds }, weights).total, variables);
    expect(tf.memory().numTensors).toBe(before + 1 + variables.length);
    tf.dispose([value, ...grads, ids, documentIds]);
  });
});

describe('an untrained model', () => {
  it.each(['tiny', 'peer-s'] as const)('property: %s starts near ln(vocabSize) at every depth', (preset) => {
    const config = modelPreset(preset);
    const model = new DeepseekV3ForCausalLM(config, 1);
    const ids = idTensor(randomIds(4, 32, config.vocabSize, 2));
    const losses = tf.tidy(() => {
      const { main, mtp } = computeLoss(model, { ids, documentIds: null }, weights);
      return [main, ...mtp].map((loss) => loss.dataSync()[0]!);
    });
    // Logits have variance s = std^2 * hiddenSize, which costs s / 2 nats: 0.13 and 0.01 here; the mean over 120 random
    // labels has a standard error of sqrt(s / 120) < 0.05.
    const excess = (config.initializerRange ** 2 * config.hiddenSize) / 2;
    for (const loss of losses) expect(Math.abs(loss - Math.log(config.vocabSize) - excess)).toBeLessThan(0.15);
    model.dispose();
    ids.dispose();
  });
});
