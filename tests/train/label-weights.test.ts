// Labels that carry weights: against PyTorch, and by what weights mean.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import { pullback } from '../../src/tensor/pullback.ts';
import { createRandom } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { computeLoss, type LossInput, labelLoss, labelsOf } from '../../src/train/loss.ts';
import { expectAllClose } from '../all-close.ts';
import { loadGoldenJson } from '../goldens/load.ts';
import { idTensor, randomIds, smallConfig, spreadBiases } from '../model/small-model.ts';

interface Golden {
  readonly hidden: number[][][]; // [B, L, D]
  readonly head: number[][]; // [V, D]
  readonly labels: number[][]; // [B, L]
  readonly cases: readonly {
    readonly name: string;
    readonly weights: number[][];
    readonly loss: number;
    readonly dHidden: number[][][];
    readonly dHead: number[][];
  }[];
}

const [B, T] = [2, 13];
const V = smallConfig.vocabSize;
const ids = randomIds(B, T + 1, V, 1);
const lossWeights = { mtpWeight: 0.3, balancing: 'bias', balanceLossFactor: 0.1 } as const;
/** Two documents a row. */
const documents = ids.map((row, b) => row.map((_, i) => Number(i > 5 + b)));
const random = createRandom(3);
/** A third of them 0. */
const fractions = ids.map((row) => row.map((_, i) => (i % 3 === 1 ? 0 : 0.1 + random())));

const alike = (weight: number) => ids.map((row) => row.map(() => weight));

describe.each(['cpu', 'engine'] as const)('labels with weights on %s', (backend) => {
  let model: DeepseekV3ForCausalLM;
  beforeAll(async () => {
    await activateBackend(backend);
    model = new DeepseekV3ForCausalLM(smallConfig, 5);
    spreadBiases(model, 6);
  });
  afterAll(() => model.dispose());

  interface Rows {
    readonly ids?: number[][];
    readonly documents?: number[][] | null;
    readonly weights?: number[][] | null;
  }
  const inputOf = ({ ids: rows = ids, documents = null, weights = null }: Rows): LossInput => ({
    ids: idTensor(rows),
    documentIds: documents === null ? null : idTensor(documents),
    labelWeights: weights === null ? null : tf.tensor2d(weights),
  });

  /** All terms, and the gradients of the total. */
  function bitsOf(rows: Rows) {
    return tf.tidy(() => {
      const input = inputOf(rows);
      const { main, mtp, balance, counts } = computeLoss(model, input, lossWeights);
      const { value, grads } = valueAndGrads(
        () => computeLoss(model, input, lossWeights).total,
        [...model.parameters.values()],
      );
      const read = (tensors: readonly tf.Tensor[]) => tensors.map((tensor) => tensor.dataSync<'float32'>());
      return {
        losses: read([value, main, ...mtp]).map(([loss]) => loss!),
        unweighted: read([balance, ...counts.map(({ counts }) => counts)]),
        grads: read(grads),
      };
    });
  }

  const golden = loadGoldenJson('label-weights.json') as unknown as Golden;
  it.each(golden.cases)('golden: $name: loss and gradients of PyTorch', ({ weights, loss, dHidden, dHead }) => {
    tf.tidy(() => {
      // Token 0 is no label: what it weighs must not matter. It is the heaviest here.
      const input: LossInput = {
        ids: idTensor(golden.labels.map((row) => [0, ...row])),
        documentIds: null,
        labelWeights: tf.tensor2d(weights.map((row) => [5, ...row])),
      };
      const head = tf.variable(tf.tensor2d(golden.head));
      const f = (hidden: tf.Tensor3D) => labelLoss(hidden, head as tf.Tensor2D, labelsOf(input, 0));
      const pass = pullback(f, [tf.tensor3d(golden.hidden)], [head as tf.Variable]);
      const gradients = pass.backward(tf.scalar(1));
      // float32 sums of some dozen terms of size 1.
      const close = { rtol: 1e-5, atol: 1e-6 };
      expectAllClose(pass.value.dataSync(), [loss], close);
      expectAllClose(gradients.inputs[0]!.dataSync(), dHidden.flat(2), close, 'dHidden');
      expectAllClose(gradients.weights[0]!.dataSync(), dHead.flat(), close, 'dHead');
      head.dispose();
    });
  });

  it.each([1, 0.7, 3])('property: all of them %s give the bits of none, with and without documents', (weight) => {
    for (const documentIds of [null, documents]) {
      const expected = bitsOf({ documents: documentIds });
      expect(bitsOf({ documents: documentIds, weights: alike(weight) })).toEqual(expected);
    }
  });

  it('property: their size does not matter, only their ratios', () => {
    const scaled = fractions.map((row) => row.map((weight) => weight * 0.125));
    expect(bitsOf({ weights: scaled })).toEqual(bitsOf({ weights: fractions }));
  });

  it('property: is that of labels, however heavy what is no label: the first token, and those of other documents', () => {
    for (const documentIds of [null, documents]) {
      const isCrossing = (b: number, i: number) =>
        documentIds !== null && documentIds[b]![i] !== documentIds[b]![i - 1];
      const heavy = fractions.map((row, b) => row.map((weight, i) => (i === 0 || isCrossing(b, i) ? 1000 : weight)));
      // The first token of a document is a label of none of the depths.
      const light = heavy.map((row) => row.map((weight) => (weight === 1000 ? 0 : weight)));
      const [actual, expected] = [heavy, light].map((weights) => bitsOf({ documents: documentIds, weights }).losses);
      // The same sums of some dozen float32 losses, times a constant.
      expectAllClose(actual!, expected!, { rtol: 1e-5, atol: 0 });
    }
  });

  it('property: a row of weight 2 is a row that is there twice, at every depth', () => {
    const weights = [ids[0]!.map(() => 2), ids[1]!.map(() => 1)];
    for (const documentIds of [null, documents]) {
      const twice = { ids: [ids[0]!, ...ids], documents: documentIds && [documentIds[0]!, ...documentIds] };
      const [actual, expected] = [bitsOf({ documents: documentIds, weights }), bitsOf(twice)];
      // Means of some dozen float32 losses; the total has a balance loss, which goes by rows and not by labels.
      expectAllClose(actual.losses.slice(1), expected.losses.slice(1), { rtol: 1e-5, atol: 0 });
    }
  });

  it('property: is the weighted mean of the losses of single labels, each with the weight of the token that it is', () => {
    const [sums, totals] = [
      [0, 0, 0],
      [0, 0, 0],
    ];
    for (const [b, row] of fractions.entries()) {
      for (const [i, weight] of row.entries()) {
        if (weight === 0) continue;
        const only = ids.map((row, r) => row.map((_, c) => Number(r === b && c === i)));
        const alone = tf.tidy(() => {
          const { main, mtp } = computeLoss(model, inputOf({ weights: only }), lossWeights);
          return [main, ...mtp].map((loss) => loss.dataSync()[0]!);
        });
        // Depth k predicts no token before the one at k + 1.
        for (const [depth, loss] of alone.entries()) {
          sums[depth]! += weight * loss;
          if (i > depth) totals[depth]! += weight;
        }
      }
    }
    const expected = sums.map((sum, depth) => sum / totals[depth]!);
    expectAllClose(bitsOf({ weights: fractions }).losses.slice(1), expected, { rtol: 1e-5, atol: 0 });
  });

  it('property: what is masked as a label does not matter as one, and all else of it does', () => {
    // The last token is no input, only a label.
    const others = ids.map((row) => [...row.slice(0, -1), (row.at(-1)! + 1) % V]);
    const masked = ids.map((row) => row.map((_, i) => (i === T ? 0 : 0.5 + (i % 2))));
    expect(bitsOf({ ids: others, weights: masked })).toEqual(bitsOf({ weights: masked }));
    expect(bitsOf({ ids: others }).losses).not.toEqual(bitsOf({}).losses);
    const [all, some] = [bitsOf({}), bitsOf({ weights: fractions })];
    expect(some.unweighted).toEqual(all.unweighted); // balance loss, and selections of every layer
    expect(some.losses).not.toEqual(all.losses);
  });

  it('gives 0 and finite gradients where nothing counts: all masked, or the rest in other documents', () => {
    const crossing = documents.map((row) => row.map((document, i) => Number(i > 0 && document !== row[i - 1])));
    for (const rows of [{ weights: alike(0) }, { documents, weights: alike(0) }, { documents, weights: crossing }]) {
      const { losses, grads } = bitsOf(rows);
      expect(losses.slice(1)).toEqual([0, 0, 0]);
      expect(grads.every((grad) => grad.every(Number.isFinite))).toBe(true);
      // The balance loss still moves the routers.
      expect(grads.some((grad) => grad.some((g) => g !== 0))).toBe(true);
    }
  });

  it('gradient: of hidden states and head agree with finite differences', () => {
    tf.tidy(() => {
      const [step, seed] = [4e-3, tf.tensor3d(golden.hidden)];
      const input = inputOf({
        ids: golden.labels.map((row) => [0, ...row]),
        weights: golden.cases[2]!.weights.map((w) => [1, ...w]),
      });
      const head = tf.tensor2d(golden.head);
      const f = (hidden: tf.Tensor3D, head: tf.Tensor2D) => labelLoss(hidden, head, labelsOf(input, 0));
      const { inputs } = pullback(f, [seed, head]).backward(tf.scalar(1));
      const slope = <T extends tf.Tensor>(x: T, i: number, loss: (x: T) => tf.Scalar) => {
        const at = (shift: number) => {
          const values = x.dataSync<'float32'>().slice();
          values[i]! += shift;
          return loss(tf.tensor(values, x.shape) as T).dataSync()[0]!;
        };
        return (at(step) - at(-step)) / (2 * step);
      };
      // A loss of size 4 is rounded to 2e-7, divided by the step: 6e-5.
      const close = { rtol: 1e-3, atol: 2e-4 };
      const some = (length: number) => Array.from({ length: Math.ceil(length / 5) }, (_, i) => 5 * i);
      for (const i of some(seed.size))
        expectAllClose([inputs[0]!.dataSync()[i]!], [slope(seed, i, (x) => f(x, head))], close, `hidden ${i}`);
      for (const i of some(head.size))
        expectAllClose([inputs[1]!.dataSync()[i]!], [slope(head, i, (x) => f(seed, x))], close, `head ${i}`);
    });
  });

  it('leak: a loss with weights keeps only what it returns', () => {
    const input = inputOf({ documents, weights: fractions });
    const before = tf.memory().numTensors;
    const { value, grads } = valueAndGrads(
      () => computeLoss(model, input, lossWeights).total,
      [...model.parameters.values()],
    );
    expect(tf.memory().numTensors).toBe(before + 1 + model.parameters.size);
    tf.dispose([value, ...grads, input.ids, input.documentIds!, input.labelWeights!]);
  });
});
