// A longer context in two stages, section 4.3 of the report in small (F 6.5): what YaRN gives, what it costs at the old
// length, and what nothing at all and position interpolation give in its place.
//
// The skills are those of `evaluate/tasks/recall-language.ts`. The needle alone would not tell YaRN from
// interpolation: finding by
// content survives when positions are squeezed. Looking back by an exact distance does not.

import { needleDepths } from '../../evaluate/tasks/recall.ts';
import type { Arm, Hypothesis, Metric, Study } from '../study.ts';

/** Tokens: the length of training, those of both stages, and some between. */
export const needleLengths = [64, 128, 256, 512, 1024, 2048] as const;
export const recallLengths: readonly number[] = [64, 512, 2048];

/** Shares of the steps of a stage that an arm is tuned for. */
const tuned = { firstShare: 1, secondShare: 1 };

const arm = (name: string, label: string, procedureChanges: Arm['procedureChanges']): Arm => ({
  name,
  label,
  procedureChanges: { ...procedureChanges },
});

const share = (key: string, label: string): Metric => ({
  key,
  label,
  better: 'higher',
});

const judged = (claim: string, metric: string, name: string, rest: Omit<Hypothesis, 'claim' | 'metric' | 'arm'>) => ({
  claim,
  metric,
  arm: name,
  ...rest,
});

export const longContext: Study = {
  name: 'long-context',
  title: 'A longer context',
  question:
    'Does YaRN, tuned for a few steps, reach texts far longer than those of training, and does it keep what short ones need?',
  source: 'arXiv:2412.19437 section 4.3 and Figure 8; YaRN: arXiv:2309.00071; position interpolation: arXiv:2306.15595',
  equal: 'Equal weights to start from, and equal tokens of tuning in the arms that are tuned.',
  preset: 'tiny',
  base: {
    modelChanges: {
      vocabSize: 389,
      hiddenSize: 64,
      intermediateSize: 128,
      moeIntermediateSize: 64,
      numHiddenLayers: 2,
      numAttentionHeads: 2,
      qLoraRank: null,
      kvLoraRank: 32,
      qkNopeHeadDim: 16,
      qkRopeHeadDim: 32,
      vHeadDim: 32,
      nRoutedExperts: 4,
      numExpertsPerTok: 1,
      nGroup: 1,
      topkGroup: 1,
      numNextnPredictLayers: 0,
      maxPositionEmbeddings: 64,
      initializerRange: 0.04,
    },
    trainChanges: {
      steps: 600,
      batchSize: 32,
      seqLen: 64,
      learningRate: 3e-3,
      warmupFraction: 50 / 600,
      weightDecay: 0.01,
      evalEvery: 0,
      checkpointEvery: 100,
      keepCheckpoints: 1,
      sampleTokens: 0,
    },
    procedureChanges: {
      type: 'none',
      factor: 40, // the report's, in both stages
      firstLength: 512,
      secondLength: 2048,
      stageSteps: 30,
      firstShare: 0,
      secondShare: 0,
      learningRate: 5e-4,
      rows: 24,
    },
  },
  quick: { trainChanges: { steps: 40 }, procedureChanges: { stageSteps: 3, rows: 2 } },
  arms: [
    arm('none', 'nothing changed', {}),
    arm('none-tuned', 'nothing changed, tuned', tuned),
    arm('linear-tuned', 'position interpolation, tuned', { type: 'linear', ...tuned }),
    arm('yarn', 'YaRN, not tuned', { type: 'yarn' }),
    arm('yarn-brief', 'YaRN, 10 steps', { type: 'yarn', firstShare: 1 / 3 }),
    arm('yarn-tuned', 'YaRN, tuned', { type: 'yarn', ...tuned }),
  ],
  metrics: [
    ...[64, 512, 2048].map((length) => share(`needle/${length}`, `needle at ${length}`)),
    ...[64, 512, 2048].map((length) => share(`local/${length}`, `exact distance at ${length}`)),
    ...[64, 2048].map((length) => share(`latest/${length}`, `latest of several at ${length}`)),
    ...[64, 2048].map((length) => share(`once/${length}`, `once among several at ${length}`)),
  ],
  hypotheses: [
    judged('With YaRN, tuned, the needle is found at 32 times the length.', 'needle/2048', 'yarn-tuned', {
      expect: { above: 0.95 },
      paper: 'found at all depths up to 128K (Figure 8)',
    }),
    judged('Without an extension it is not.', 'needle/2048', 'none', { expect: { below: 0.6 } }),
    judged('YaRN finds it without any tuning.', 'needle/2048', 'yarn', { expect: { above: 0.95 } }),
    judged('With YaRN, tuned, exact short distances work at 32 times the length.', 'local/2048', 'yarn-tuned', {
      expect: { above: 0.9 },
    }),
    judged('With position interpolation they do not, tuned as well.', 'local/2048', 'linear-tuned', {
      expect: { below: 0.2 },
    }),
    judged('Ten steps do most of it: exact distances are as good within 0.15.', 'local/2048', 'yarn-brief', {
      against: 'yarn-tuned',
      expect: { within: 0.15 },
    }),
    judged('The needle at the old length is kept within 0.05.', 'needle/64', 'yarn-tuned', {
      against: 'none',
      expect: { within: 0.05 },
    }),
    judged('The order of things costs something at the old length.', 'latest/64', 'yarn-tuned', {
      against: 'none',
      expect: { below: 0 },
    }),
    judged('It costs less than with position interpolation.', 'latest/64', 'yarn-tuned', {
      against: 'linear-tuned',
      expect: { above: 0 },
    }),
  ],
  paper: ['4K to 32K to 128K tokens, scale 40, two phases of 1,000 steps (section 4.3).'],
  series: [
    series(
      'Needle by length',
      'Right of 64 is longer than anything the model was trained at.',
      'needle',
      needleLengths,
    ),
    series('Exact distances by length', 'Interpolation loses them everywhere.', 'local', recallLengths),
  ],
  heatMaps: [
    {
      title: 'Needle by depth',
      advice:
        'The darker, the more often it is found; depth 0 is the start of the text, 1 is right before the question.',
      xLabel: 'tokens',
      yLabel: 'depth',
      range: [0, 1],
      cells: needleDepths.flatMap((depth) =>
        needleLengths.map((length) => ({
          ...{ x: String(length), y: String(depth), metric: `needle/${length}/${depth}` },
        })),
      ),
    },
  ],
  prepare: async (work) => (await import('../procedures/long-context.ts')).trainBase(work),
  procedure: async (work) => (await import('../procedures/long-context.ts')).extendAndMeasure(work),
};

function series(title: string, advice: string, key: string, lengths: readonly number[]) {
  const points = lengths.map((length) => ({ x: length, metric: `${key}/${length}` }));
  return { title, advice, xLabel: 'tokens', yLabel: 'right', points };
}
