// The third section of the report in small: pipelines, divided experts and ZeRO-1 over real ranks, which must not
// change what is learned, and beside them what each schedule costs on the report's cluster, simulated.
//
// The numbers of the simulator do not depend on the seed, so their intervals have no width: a verdict on one of them
// says that the arithmetic comes out so.

import type { ScheduleName } from '../../cluster/schedule/schedules.ts';
import type { Arm, Metric, Study } from '../study.ts';

/** Every pipeline here has four stages, on four ranks or folded onto two. */
const pipeline = (schedule: ScheduleName, pp: number): Arm => ({
  name: schedule,
  label: `${schedule}, pp=${pp}`,
  procedureChanges: { layout: `pp=${pp}`, schedule, isSimulated: true },
});

const divided = (name: string, label: string, layout: string, changes: Arm['procedureChanges'] = {}): Arm => ({
  name,
  label,
  procedureChanges: { layout, ...changes },
});

const lower = (key: string, label: string, unit?: string): Metric => ({
  key,
  label,
  better: 'lower',
  ...(unit === undefined ? {} : { unit }),
});

export const cluster: Study = {
  name: 'cluster',
  title: 'Schedules and layouts',
  question:
    'Does training over ranks learn what plain training learns, whatever the layout, and what do the schedules of the report cost on its cluster?',
  source: 'arXiv:2412.19437 sections 3.1 and 3.2, table 2',
  equal: 'Equal weights, text, batches and steps in all arms; the arms differ in how the work is divided among ranks.',
  preset: 'tiny',
  base: {
    modelChanges: {
      hiddenSize: 64,
      intermediateSize: 128,
      moeIntermediateSize: 32,
      numAttentionHeads: 2,
      qLoraRank: 32,
      kvLoraRank: 16,
      initializerRange: 0.064,
    },
    trainChanges: {
      tokenizer: 'bytes',
      steps: 50,
      seqLen: 32,
      batchSize: 8,
      gradAccumSteps: 8,
      heldOutFraction: 0.01,
      evalEvery: 0,
      checkpointEvery: 0,
      sampleTokens: 0,
    },
    procedureChanges: { layout: '', schedule: '1f1b', messages: 'float32', isSimulated: false },
  },
  quick: { trainChanges: { steps: 3, heldOutFraction: 0.002 } },
  arms: [
    pipeline('1f1b', 4),
    pipeline('gpipe', 4),
    pipeline('interleaved-1f1b', 2),
    pipeline('zb1p', 4),
    pipeline('zbv', 2),
    pipeline('dualpipe', 4),
    pipeline('dualpipev', 2),
    divided('ep4', 'experts on 4 ranks', 'ep=4'),
    divided('ep4-fp8', 'and messages in FP8 and BF16', 'ep=4', { messages: 'fp8' }),
    divided('ep2-dp2', 'experts on 2 ranks, 2 copies', 'ep=2,dp=2'),
    divided('pp2-ep2', 'dualpipe, experts on 2 ranks', 'pp=2,ep=2', { schedule: 'dualpipe' }),
  ],
  metrics: [
    lower('lossDifference', 'largest difference of a loss from plain training', 'millionths'),
    { key: 'equalBits', label: 'weights equal to the last bit', better: 'higher' },
    lower('chunks', 'most chunks a rank held'),
    lower('expertMegabytes', 'sent to experts and back', 'MB'),
    lower('nodeCopies', 'most copies of a token to other nodes'),
    { key: 'saved', label: 'copies for each expert over copies for each node', better: 'higher' },
    lower('idle', 'table 2: a rank waits'),
    lower('bubble', 'simulated: bubble'),
    lower('exposed', 'simulated: only communicating'),
    lower('hours', 'simulated: GPU hours of a trillion tokens', 'thousands'),
    lower('exposedPlain', 'simulated at 1:1: only communicating'),
    lower('hoursPlain', 'simulated at 1:1: GPU hours', 'thousands'),
  ],
  hypotheses: [
    {
      claim: 'A pipeline under DualPipe learns the bits of plain training.',
      metric: 'equalBits',
      arm: 'dualpipe',
      expect: { above: 0.5 },
    },
    {
      claim: 'With experts divided and copies, every loss is that of plain training within 1e-5.',
      metric: 'lossDifference',
      arm: 'ep2-dp2',
      expect: { below: 10 },
    },
    {
      claim: 'So it is under DualPipe with experts divided.',
      metric: 'lossDifference',
      arm: 'pp2-ep2',
      expect: { below: 10 },
    },
    {
      claim: 'Messages in FP8 and BF16 take less than 0.45 of the bytes of float32.',
      metric: 'expertMegabytes',
      arm: 'ep4-fp8',
      against: 'ep4',
      as: 'ratio',
      expect: { below: 0.45 },
      paper: 'dispatch in FP8, combine in BF16 (section 3.3.3)',
    },
    {
      claim: 'No token of a model with M = 2 goes to more than two other nodes.',
      metric: 'nodeCopies',
      arm: 'ep4',
      expect: { below: 2.5 },
      paper: 'at most 4 nodes a token (section 3.2.2)',
    },
    {
      claim: 'One copy to a node saves nearly K / M = 2 of the copies.',
      metric: 'saved',
      arm: 'ep4',
      expect: { above: 1.8 },
      paper: '8 experts on at most 4 nodes (section 3.2.2)',
    },
    {
      claim: 'Ranks of ZB1P wait less than those of 1F1B.',
      metric: 'idle',
      arm: 'zb1p',
      against: '1f1b',
      expect: { below: 0 },
      paper: '(PP - 1)(F + B - 2W) against (PP - 1)(F + B) (table 2)',
    },
    {
      claim: 'Ranks of DualPipe wait less than those of ZB1P.',
      metric: 'idle',
      arm: 'dualpipe',
      against: 'zb1p',
      expect: { below: 0 },
      paper: '(PP / 2 - 1)(F&B + B - 3W) (table 2)',
    },
    {
      claim: 'At a ratio near 1:1, ranks of 1F1B only communicate for more than 0.4 of a step.',
      metric: 'exposedPlain',
      arm: '1f1b',
      expect: { above: 0.4 },
      paper: 'computation to communication of about 1:1 across nodes (section 3.2.1)',
    },
    {
      claim: 'DualPipe hides more than two thirds of that.',
      metric: 'exposedPlain',
      arm: 'dualpipe',
      against: '1f1b',
      as: 'ratio',
      expect: { below: 1 / 3 },
      paper: 'all-to-all and pipeline messages fully hidden (section 3.2.1)',
    },
    {
      claim: 'ZBV, whose bubble is smaller, takes more than 1.2 times as long as DualPipe there.',
      metric: 'hoursPlain',
      arm: 'zbv',
      against: 'dualpipe',
      as: 'ratio',
      expect: { above: 1.2 },
    },
  ],
  paper: [
    'Bubbles and activations of 1F1B, ZB1P and DualPipe: table 2.',
    '180 K GPU hours a trillion tokens; the simulator has one number that was fitted to it.',
  ],
  scatters: [
    {
      title: 'What a schedule waits for, at 1:1',
      advice: 'Schedules with pairs, bottom, hide what the others pay for communication; the bubble matters less.',
      x: 'bubble',
      y: 'exposedPlain',
    },
  ],
  prepare: async (work) => (await import('../procedures/cluster.ts')).trainPlainly(work),
  procedure: async (work) => (await import('../procedures/cluster.ts')).trainAndSimulate(work),
};
