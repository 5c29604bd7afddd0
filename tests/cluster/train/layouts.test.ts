import { beforeAll, describe, expect, it } from 'vitest';
import { resumeCluster, type RankResult } from '../../../src/cluster/train-cluster.ts';
import type { MessageFormat } from '../../../src/cluster/ranks/bytes.ts';
import type { ScheduleName } from '../../../src/cluster/schedule/schedules.ts';
import { parameterShapes } from '../../../src/config/parameter-shapes.ts';
import type { RunStore } from '../../../src/runs/run-store.ts';
import type { MetricsLine, TrainEvent, TrainResult } from '../../../src/train/events.ts';
import { parseRunSettings } from '../../../src/train/run-settings.ts';
import { resumeRun } from '../../../src/train/trainer.ts';
import { expectAllClose } from '../../all-close.ts';
import { expectAsPlanned } from './planned.ts';
import { documents, model, overRanks, plain, type Ran, weightsOf } from './runs.ts';

const lossesOf = (metrics: readonly Partial<MetricsLine>[]) => metrics.map((line) => Number(line['train/loss']));
const total = (ranks: readonly RankResult[], of: (rank: RankResult) => number) =>
  ranks.reduce((sum, rank) => sum + of(rank), 0);

/** Sums of float32 in another order; the bar that was set beforehand. */
const reordered = { rtol: 1e-5, atol: 0 };

describe('layouts with experts divided and copies', () => {
  let expected: Ran<TrainResult>;
  beforeAll(async () => {
    expected = await plain(8);
  });

  it.each([
    ['ep=2', '1f1b'],
    ['ep=4', '1f1b'],
    ['pp=2,dp=2', 'zb1p'],
    ['pp=2,ep=2', 'dualpipe'],
    ['ep=2,dp=2', '1f1b'],
    ['pp=2,ep=2,dp=2', '1f1b'],
  ] satisfies [string, ScheduleName][])('property: %s under %s trains as one rank does', async (layout, schedule) => {
    const found = await overRanks(8, { layout, schedule, microBatches: partsOf(layout, 8) });
    const { metrics, result, store } = found;
    expectAllClose(lossesOf(metrics), lossesOf(expected.metrics), reordered);
    const norms = (lines: readonly Partial<MetricsLine>[]) => lines.map((line) => Number(line['train/grad_norm']));
    expectAllClose(norms(metrics), norms(expected.metrics), reordered);
    await expectAsPlanned(found);
    // ZeRO-1: the moments of every parameter are there once, two float32 each.
    expect(total(result.ranks, ({ optimizerBytes }) => optimizerBytes)).toBe(8 * (await parametersOf(store)));
  });

  it('property: the losses of 50 steps equal those of plain training', async () => {
    const longer = { steps: 50 };
    const expected = await plain(8, longer);
    const options = { layout: 'pp=2,ep=2', schedule: 'dualpipe', microBatches: 4 };
    const { metrics } = await overRanks(8, options, longer);
    expectAllClose(lossesOf(metrics), lossesOf(expected.metrics), reordered);
  });

  it('forwards within nodes where several ranks share a group of experts, and sends less between nodes', async () => {
    // Two groups of experts are two nodes of two ranks; a token may go to both.
    const config = { ...model, nGroup: 2, topkGroup: 2 };
    const expected = await plain(4, {}, config);
    const nodes = await overRanks(4, { layout: 'ep=4', microBatches: 1 }, {}, config);
    expectAllClose(lossesOf(nodes.metrics), lossesOf(expected.metrics), reordered);
    const { ranks } = nodes.result;
    expect(total(ranks, ({ sentBetweenNodes }) => sentBetweenNodes)).toBeLessThan(
      total(ranks, ({ sent }) => sent.experts) / 2,
    );
  });

  it('sends a quarter of the bytes to experts in FP8 and half of them back in BF16, and still trains', async () => {
    const over = (messages: MessageFormat) => overRanks(2, { layout: 'ep=2', microBatches: 1, messages });
    const [exact, rounded] = [await over('float32'), await over('fp8')];
    const bytes = ({ result }: typeof exact) => total(result.ranks, ({ sent }) => sent.experts);
    // Both ways the same rows: (1 + 2) / (4 + 4) of the bytes, besides scales, gates and choices.
    expect(bytes(rounded) / bytes(exact)).toBeGreaterThan(3 / 8);
    expect(bytes(rounded) / bytes(exact)).toBeLessThan(0.55);
    // Three bits of mantissa in what the experts read; the first loss is of the same weights.
    expectAllClose(lossesOf(rounded.metrics), lossesOf(exact.metrics), { rtol: 1e-2, atol: 0 });
    expect(lossesOf(rounded.metrics)).not.toEqual(lossesOf(exact.metrics));
  });

  it('trains with products in 8 bits as one rank does, with experts divided', async () => {
    const changes = { precision: 'fp8' } as const;
    const options = { layout: 'pp=2,ep=2', schedule: 'zb1p', microBatches: 2 };
    const [expected, found] = [await plain(4, changes), await overRanks(4, options, changes)];
    // The first loss is of the same weights. Their gradients are rounded in tiles of 16 tokens of an expert, which are
    // other tokens where the rows of two ranks come together (the next test has the same).
    expectAllClose(lossesOf(found.metrics).slice(0, 1), lossesOf(expected.metrics).slice(0, 1), reordered);
    expectAllClose(lossesOf(found.metrics), lossesOf(expected.metrics), { rtol: 1e-2, atol: 0 });
    const exact = await plain(4);
    expect(lossesOf(found.metrics)[0]).not.toBe(lossesOf(exact.metrics)[0]);
  });

  it('trains with products in 8 bits as one rank does where its tiles have the same tokens', async () => {
    // Rows of 16 tokens, so that no tile of a linear layer has tokens of two ranks; and one part, so that an expert
    // has the same tokens in the same order. An MTP module would have 15.
    const config = { ...model, numNextnPredictLayers: 0 };
    const changes = { precision: 'fp8', seqLen: 16, documentMask: false, batchSize: 4, steps: 4 } as const;
    const found = await overRanks(2, { layout: 'ep=2', microBatches: 1 }, changes, config);
    expectAllClose(lossesOf(found.metrics), lossesOf((await plain(1, changes, config)).metrics), reordered);
  });

  it('property: goes on in other layouts from the same checkpoint, with the losses of plain training', async () => {
    const steps = 6;
    const losses: number[] = [];
    const stopAt = (last: number) => {
      const controller = new AbortController();
      const onEvent = (event: TrainEvent) => {
        if (event.type !== 'step') return;
        losses.push(event.metrics['train/loss'] as number);
        if (event.step === last) controller.abort();
      };
      return { signal: controller.signal, onEvent };
    };
    const whole = await plain(8, { steps });
    const first = { layout: 'pp=2', schedule: 'gpipe', microBatches: 8 };
    const { store } = await overRanks(8, first, { steps }, model, stopAt(2));
    const given = { store, documents, backendOptions: { threads: 1 } };
    const other = await resumeCluster({ ...given, ...stopAt(4), layout: 'ep=2,dp=2' });
    expect(other).toMatchObject({ steps: 4, layout: { pp: 1, ep: 2, dp: 2 }, microBatches: 2 });
    const last = await resumeRun({ ...given, ...stopAt(steps + 1) });
    expect(last).toMatchObject({ steps, finished: true });
    expectAllClose(losses, lossesOf(whole.metrics), reordered);
  });

  it('property: a run that changes between ranks and none has the bits of one that never did', async () => {
    const stopAt = (step: number) => {
      const controller = new AbortController();
      const onEvent = (event: TrainEvent) => {
        if (event.type === 'step' && event.step === step) controller.abort();
      };
      return { signal: controller.signal, onEvent };
    };
    const whole = await plain(4, { steps: 6 });
    const { store } = await overRanks(4, { layout: 'pp=2', microBatches: 4 }, { steps: 6 }, model, stopAt(2));
    const given = { store, documents, backendOptions: { threads: 1 } };
    await resumeRun({ ...given, ...stopAt(4) });
    await resumeCluster({ ...given, layout: 'pp=4', schedule: 'zb1p' });
    expect(await weightsOf(store)).toBe(whole.weights);
  });
});

/** Micro-batches of each pipeline if there are so many in all. */
function partsOf(layout: string, all: number): number {
  const replicas = [...layout.matchAll(/(?:ep|dp)=(\d)/g)].reduce((product, [, n]) => product * Number(n), 1);
  return all / replicas;
}

/** The trainable numbers of the model of a run. */
async function parametersOf(store: RunStore): Promise<number> {
  const { model } = parseRunSettings(await store.readSettings(), store.path);
  return parameterShapes(model).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
}
