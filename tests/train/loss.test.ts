import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import type { Balancing } from '../../src/config/train-config.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import { tf } from '../../src/tensor/tf.ts';
import { AdamW } from '../../src/train/adamw.ts';
import { computeLoss, type LossWeights } from '../../src/train/loss.ts';
import { expectAllClose } from '../all-close.ts';
import { idTensor, randomIds, smallConfig, spreadBiases } from '../model/small-model.ts';

const [B, T] = [2, 13];
const { vocabSize: V, numExpertsPerTok: K, nRoutedExperts: E } = smallConfig;
const plain: LossWeights = { mtpWeight: 0.3, balancing: 'none', balanceLossFactor: 0 };
const ids = randomIds(B, T + 1, V, 1);
const close = { rtol: 1e-5, atol: 0 }; // float32 cross-entropies of some dozen tokens

let model: DeepseekV3ForCausalLM;
beforeAll(async () => {
  await activateBackend('wasm');
  model = new DeepseekV3ForCausalLM(smallConfig, 5);
  spreadBiases(model, 6);
});
afterAll(() => model.dispose());

interface Terms {
  readonly total: number;
  readonly main: number;
  readonly mtp: number[];
  readonly balance: number;
  readonly counts: { layer: number; counts: number[] }[];
}

function lossOf(rows: number[][], changes: Partial<LossWeights> = {}, documents: number[][] | null = null): Terms {
  return tf.tidy(() => {
    const input = { ids: idTensor(rows), documentIds: documents === null ? null : idTensor(documents) };
    const { total, main, mtp, balance, counts } = computeLoss(model, input, { ...plain, ...changes });
    const read = (scalar: tf.Scalar) => scalar.dataSync()[0]!;
    return {
      total: read(total),
      main: read(main),
      mtp: mtp.map(read),
      balance: read(balance),
      counts: counts.map((layer) => ({ layer: layer.layer, counts: layer.counts.arraySync() })),
    };
  });
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** Mean cross-entropy of depth k in float64, from the hidden states and the head. */
function meanLossByHand(k: number): number {
  const [states, head] = tf.tidy(() => {
    const { hidden, mtpHidden } = model.forward(idTensor(ids.map((row) => row.slice(0, -1))), { mtp: true });
    return [[hidden, ...mtpHidden][k]!.arraySync(), model.lmHead.arraySync()];
  });
  const losses = states.flatMap((row, b) =>
    row.map((state, i) => {
      const logits = head.map((weights) => weights.reduce((sum, w, d) => sum + w * state[d]!, 0));
      return Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0)) - logits[ids[b]![i + k + 1]!]!;
    }),
  );
  expect(losses).toHaveLength(B * (T - k));
  return mean(losses);
}

describe('computeLoss', () => {
  it('is the mean over tokens of the negative log-likelihood, at every depth', () => {
    const { main, mtp } = lossOf(ids);
    expectAllClose([main, ...mtp], [0, 1, 2].map(meanLossByHand), close);
  });

  it('B11: adds lambda times the mean over depths of the MTP means, not a sum over tokens or depths', () => {
    for (const mtpWeight of [0, 0.3, 0.1]) {
      const { total, main, mtp } = lossOf(ids, { mtpWeight });
      expectAllClose([total], [main + (mtpWeight * (mtp[0]! + mtp[1]!)) / 2], close);
    }
    const [once, twice] = [lossOf(ids), lossOf([...ids, ...ids])];
    expectAllClose([twice.total, ...twice.mtp], [once.total, ...once.mtp], close);
  });

  it('adds alpha times the balance loss of every MoE layer, unless balancing is off', () => {
    for (const balancing of ['bias', 'batch-aux', 'sequence-aux', 'none'] as const) {
      const { total, main, mtp, balance } = lossOf(ids, { balancing, balanceLossFactor: 0.5 });
      const layers = balancing === 'none' ? 0 : 3; // one of the main model, two of MTP
      expectAllClose([total], [main + 0.3 * mean(mtp) + 0.5 * layers * balance], close);
      expect(balance).toBeGreaterThan(0.5);
    }
  });

  it('B9: the auxiliary losses count what was dispatched; the complement of the bias counts eq. 18 as printed', () => {
    const found = (balancing: Balancing) => lossOf(ids, { balancing }).balance;
    const expected = (sequences: number, dispatched: boolean) => mean(balanceByHand(sequences, dispatched));
    expectAllClose(
      [found('batch-aux'), found('sequence-aux'), found('bias')],
      [expected(1, true), expected(B, true), expected(B, false)],
      close,
    );
    // The case tells them apart.
    expect(Math.abs(expected(1, true) - expected(1, false))).toBeGreaterThan(0.01);
    expect(Math.abs(expected(B, true) - expected(B, false))).toBeGreaterThan(0.01);
  });

  it('counts K selections for every position of every layer', () => {
    const { counts } = lossOf(ids);
    expect(counts.map(({ layer }) => layer)).toEqual([1, 2, 3]);
    const sums = counts.map((layer) => layer.counts.reduce((a, b) => a + b, 0));
    expect(sums).toEqual([T, T - 1, T - 2].map((positions) => B * positions * K));
    for (const layer of counts) expect(layer.counts.every(Number.isInteger)).toBe(true);
  });

  it('B13: of two documents in a row is that of the documents alone: nothing crosses, at any depth', () => {
    const [a, b] = [randomIds(1, 8, V, 2)[0]!, randomIds(1, 5, V, 3)[0]!];
    const documents = [[...a.map(() => 0), ...b.map(() => 1)]];
    const packed = lossOf([[...a, ...b]], {}, documents);
    const [alone, other] = [lossOf([a]), lossOf([b])];
    const joined = (x: number, y: number, depth: number) => {
      const [m, n] = [a.length - 1 - depth, b.length - 1 - depth]; // labels of each
      return (m * x + n * y) / (m + n);
    };
    // Rotary positions differ by a constant, so that angles are rounded differently.
    const tolerance = { rtol: 1e-5, atol: 0 };
    expectAllClose([packed.main], [joined(alone.main, other.main, 0)], tolerance);
    expectAllClose(
      packed.mtp,
      [1, 2].map((depth) => joined(alone.mtp[depth - 1]!, other.mtp[depth - 1]!, depth)),
      tolerance,
    );
    const crossing = lossOf([[...a, ...b]]);
    for (const [i, loss] of [packed.main, ...packed.mtp].entries())
      expect(Math.abs(loss - [crossing.main, ...crossing.mtp][i]!)).toBeGreaterThan(1e-3);
  });

  it('B13: gives a row that is one document the same loss with and without the mask', () => {
    const documents = ids.map((row) => row.map(() => 4));
    const [masked, unmasked] = [lossOf(ids, {}, documents), lossOf(ids)];
    expectAllClose([masked.total, ...masked.mtp], [unmasked.total, ...unmasked.mtp], close);
  });

  it('is 0 with finite gradients at a depth whose labels are all in other documents', () => {
    const documents = ids.map((row) => row.map((_, i) => Math.floor(i / 2)));
    const variables = [...model.parameters.values()];
    const { value, grads } = valueAndGrads(
      () => computeLoss(model, { ids: idTensor(ids), documentIds: idTensor(documents) }, plain).total,
      variables,
    );
    const { main, mtp } = lossOf(ids, {}, documents);
    expect(main).toBeGreaterThan(1);
    expect(mtp).toEqual([0, 0]);
    for (const grad of [value, ...grads]) expect([...grad.dataSync()].every(Number.isFinite)).toBe(true);
    tf.dispose([value, ...grads]);
  });

  it('leaves out the depths that a row is too short for', () => {
    const short = (length: number) => lossOf(ids.map((row) => row.slice(0, length)));
    const [two, one] = [short(3), short(2)]; // T = 2 and T = 1
    expect(two.mtp).toHaveLength(1);
    expectAllClose([two.total], [two.main + 0.3 * two.mtp[0]!], close);
    expect(two.counts.map(({ layer }) => layer)).toEqual([1, 2]);
    expect(one.mtp).toEqual([]);
    expect(one.total).toBe(one.main);
  });

  it('gradient: reaches every parameter and no bias', () => {
    const variables = [...model.parameters];
    const biases = [...model.expertBiases.values()] as tf.Variable[];
    const { value, grads } = valueAndGrads(
      () => computeLoss(model, { ids: idTensor(ids), documentIds: null }, plain).total,
      [...variables.map(([, variable]) => variable), ...biases],
    );
    for (const [i, grad] of grads.entries()) {
      const moves = grad.dataSync().some((g) => g !== 0);
      expect(moves, variables[i]?.[0] ?? 'bias').toBe(i < variables.length);
    }
    tf.dispose([value, ...grads]);
  });

  it('is overfitted below 0.1 on one batch, main model and both MTP depths', () => {
    const few = { numHiddenLayers: 1, firstKDenseReplace: 0, nRoutedExperts: 4, nGroup: 1, topkGroup: 1 };
    const net = new DeepseekV3ForCausalLM({ ...smallConfig, ...few, numExpertsPerTok: 2 }, 9);
    const optimizer = new AdamW(net.parameters, { adamBeta1: 0.9, adamBeta2: 0.95, adamEps: 1e-8, weightDecay: 0 });
    const input = { ids: idTensor(ids), documentIds: null };
    const names = [...net.parameters.keys()];
    for (let step = 0; step < 30; step++) {
      const objective = () => computeLoss(net, input, { ...plain, mtpWeight: 1 }).total;
      const { value, grads } = valueAndGrads(objective, [...net.parameters.values()]);
      tf.tidy(() => optimizer.update(new Map(names.map((name, i) => [name, grads[i]!])), 2e-2, tf.scalar(1)));
      tf.dispose([value, ...grads]);
    }
    const losses = tf.tidy(() => {
      const { main, mtp } = computeLoss(net, input, plain);
      return [main, ...mtp].map((loss) => loss.dataSync()[0]!);
    });
    for (const loss of losses) expect(loss).toBeLessThan(0.1); // ln 37 = 3.6 at first
    optimizer.dispose();
    net.dispose();
    input.ids.dispose();
  });
});

/** The balance loss of each MoE layer by eq. 17-20 in float64, from its logits. */
function balanceByHand(sequences: number, dispatched: boolean): number[] {
  const layers = tf.tidy(() =>
    model
      .forward(idTensor(ids.map((row) => row.slice(0, -1))), { mtp: true })
      .routing.map(({ logits, topkIndices }) => ({ logits: logits.arraySync(), indices: topkIndices.arraySync() })),
  );
  return layers.map(({ logits, indices }) => {
    const scores = logits.map((row) => row.map((x) => 1 / (1 + Math.exp(-x))));
    const selected = dispatched
      ? indices
      : scores.map((row) => [...row.keys()].sort((i, j) => row[j]! - row[i]!).slice(0, K));
    const L = scores.length / sequences;
    const losses = Array.from({ length: sequences }, (_, s) => {
      const tokens = Array.from({ length: L }, (_, t) => s * L + t);
      const terms = Array.from({ length: E }, (_, e) => {
        const f = (E / (K * L)) * tokens.filter((t) => selected[t]!.includes(e)).length;
        return f * mean(tokens.map((t) => scores[t]![e]! / scores[t]!.reduce((a, b) => a + b)));
      });
      return terms.reduce((a, b) => a + b);
    });
    return mean(losses);
  });
}
