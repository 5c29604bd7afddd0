// Synthetic runs for the report's tests: curves of the right shapes, no model involved.

import type { ModelConfig } from '../../src/config/model-config.ts';
import type { TrainConfig } from '../../src/config/train-config.ts';
import type { RunData } from '../../src/report/run-data.ts';
import type { MetricsLine } from '../../src/train/events.ts';
import type { RunSettings } from '../../src/train/run-settings.ts';

/** What a test may want to differ. */
export interface FixtureOptions {
  readonly name?: string;
  readonly steps?: number;
  readonly evalEvery?: number;
  readonly layers?: number;
  readonly experts?: number;
  readonly mtpDepth?: number;
  readonly domains?: readonly string[];
  /** How uneven the routing stays. */
  readonly imbalance?: number;
  readonly learningRate?: number;
  readonly balancing?: TrainConfig['balancing'];
  readonly sampleText?: string;
  /** Brotli's rate, which stands for the held-out text. */
  readonly brotli?: number;
  readonly tokenizer?: string;
  readonly expertsPerToken?: number;
  readonly denseLayers?: number;
  readonly batchSize?: number;
  readonly maxGradNorm?: number;
}

const fixtureModel: ModelConfig = {
  vocabSize: 1024,
  hiddenSize: 128,
  intermediateSize: 352,
  moeIntermediateSize: 64,
  numHiddenLayers: 4,
  numAttentionHeads: 4,
  qLoraRank: null,
  kvLoraRank: 32,
  qkNopeHeadDim: 24,
  qkRopeHeadDim: 16,
  vHeadDim: 24,
  nRoutedExperts: 16,
  nSharedExperts: 1,
  numExpertsPerTok: 4,
  nGroup: 4,
  topkGroup: 2,
  normTopkProb: true,
  routedScalingFactor: 2.5,
  scoringFunc: 'sigmoid',
  firstKDenseReplace: 1,
  numNextnPredictLayers: 1,
  maxPositionEmbeddings: 256,
  ropeTheta: 10000,
  ropeScaling: null,
  ropeInterleave: true,
  rmsNormEps: 1e-6,
  initializerRange: 0.02,
  bosTokenId: 0,
  eosTokenId: 1,
  mtpConcatOrder: 'embedding-first',
  mtpHiddenState: 'post-norm',
  expertBiasForm: 'additive',
};

const fixtureTrain: TrainConfig = {
  data: 'moby-dick',
  tokenizer: 'bpe:1024',
  textKey: '',
  documentSeparator: '',
  heldOutFraction: 0.05,
  steps: 600,
  batchSize: 8,
  seqLen: 128,
  alternateSeqLen: 0,
  gradAccumSteps: 1,
  seed: 1,
  precision: 'float32',
  recompute: 'none',
  cachedActivations: 'fp8',
  learningRate: 3e-3,
  lrSchedule: 'deepseek-v3',
  warmupFraction: 0.02,
  batchSizeSchedule: 'constant',
  adamBeta1: 0.9,
  adamBeta2: 0.95,
  adamEps: 1e-8,
  adamMoments: 'float32',
  weightDecay: 0.1,
  maxGradNorm: 1,
  emaDecay: 0,
  balancing: 'bias',
  expertBiasUpdateSpeed: 1e-3,
  expertBiasUpdateRule: 'sign',
  expertBiasRecenter: false,
  expertBiasFreezeFraction: 0.03,
  balanceLossFactor: 1e-4,
  mtpLossWeight: 0.3,
  mtpLossWeightFinal: 0.1,
  mtpLossSwitchFraction: 0.68,
  documentMask: false,
  fimRate: 0,
  splitPunctuationRate: 0,
  evalEvery: 100,
  evalTokens: 20000,
  checkpointEvery: 0,
  keepCheckpoints: 2,
  sampleTokens: 60,
};

/** A number in [0, 1) that depends on nothing but its arguments. */
function noise(...parts: readonly number[]): number {
  const x = Math.sin(parts.reduce((sum, part, i) => sum + part * (12.9898 + 65.233 * i), 1)) * 43758.5453;
  return x - Math.floor(x);
}

/** A run whose loss falls, whose experts even out, and whose text changes. */
export function makeRun(options: FixtureOptions = {}): RunData {
  const settings = makeSettings(options);
  const { steps, evalEvery } = settings.train;
  const metrics: MetricsLine[] = [];
  for (let step = 1; step <= steps; step++) {
    metrics.push(trainLine(step, settings, options));
    if (evalEvery > 0 && (step % evalEvery === 0 || step === steps)) metrics.push(evalLine(step, settings, options));
  }
  const text = options.sampleText;
  const samples = [
    { step: 0, prompt: 'Call me', text: text ?? ' qxw zt the,, e\n\u0001rr ao tthe' },
    {
      step: Math.floor(steps / 2),
      prompt: 'Call me',
      text: text ?? ' the whale and the sea of the ship was the\nold man',
    },
    {
      step: steps,
      prompt: 'Call me',
      text: text ?? ' Ishmael, said the captain, and the white whale\nrose out of the sea.',
    },
  ];
  return { name: settings.name, settings, metrics, samples };
}

function makeSettings(options: FixtureOptions): RunSettings {
  const { name = 'tiny', steps = 600, evalEvery = 100, layers = 4, experts = 16, mtpDepth = 1 } = options;
  const { learningRate = 3e-3, balancing = 'bias', domains = ['moby-dick'], tokenizer = 'bpe:1024' } = options;
  const { expertsPerToken = 4, denseLayers = 1, batchSize = 8, maxGradNorm = 1, brotli = 2.43 } = options;
  return {
    format: 1,
    name,
    model: {
      ...fixtureModel,
      numHiddenLayers: layers,
      nRoutedExperts: experts,
      numNextnPredictLayers: mtpDepth,
      numExpertsPerTok: expertsPerToken,
      firstKDenseReplace: denseLayers,
    },
    train: {
      ...fixtureTrain,
      ...{ steps, evalEvery, learningRate, balancing, tokenizer, batchSize, maxGradNorm },
      data: domains.join(','),
    },
    backend: 'wasm',
    createdAt: '2026-11-23T16:20:00.000Z',
    version: '0.1.0',
    parameters: 1_790_000,
    activeParameters: 621_000,
    brotliBitsPerByte: brotli,
  };
}

/** The MoE layers and the MTP modules. */
function layerIndices({ model }: RunSettings): number[] {
  const count = model.numHiddenLayers + model.numNextnPredictLayers - model.firstKDenseReplace;
  return Array.from({ length: count }, (_, i) => model.firstKDenseReplace + i);
}

function lossAt(step: number, { train }: RunSettings): number {
  return 3.1 + 3.8 * Math.exp((-step * train.learningRate) / 0.25) - 0.4 * (step / train.steps);
}

function trainLine(step: number, settings: RunSettings, options: FixtureOptions): MetricsLine {
  const { train, model } = settings;
  const done = step / train.steps;
  const loss = lossAt(step, settings) + 0.3 * (noise(step, 1) - 0.5);
  const loads = layerIndices(settings).map((layer) => layerLoad(step, layer, settings, options));
  const mtp = Array.from({ length: model.numNextnPredictLayers }, (_, depth) => [
    `train/mtp_loss_${depth + 1}`,
    loss + 0.7 * (depth + 1) + 0.2 * noise(step, depth, 2),
  ]);
  return {
    ...Object.fromEntries(mtp),
    ...Object.assign({}, ...loads.map(({ values }) => values)),
    step,
    tokens: step * train.batchSize * train.seqLen,
    seconds: step * 0.4,
    'train/loss': loss,
    'train/total_loss': loss * 1.3,
    'train/balance_loss': 1 + noise(step, 3),
    'train/grad_norm': 0.4 + 6 * Math.exp(-step / 30) + 0.3 * noise(step, 4) + (step % 211 === 0 ? 4 : 0),
    'train/learning_rate':
      train.learningRate * Math.min(1, done / 0.02, 0.1 + 0.9 * Math.cos(Math.max(0, done - 0.6) * 3.5)),
    'train/batch_size': train.batchSize,
    'train/tokens_per_second': 2600 + 300 * noise(step, 5) - (step % 100 === 0 ? 1200 : 0),
    'train/mtp_weight': done < train.mtpLossSwitchFraction ? train.mtpLossWeight : train.mtpLossWeightFinal,
    'train/bias_speed': done < 0.97 ? train.expertBiasUpdateSpeed : 0,
    'balance/max_vio_batch': mean(loads.map(({ maxVio }) => maxVio)),
    'balance/min_vio_batch': mean(loads.map(({ minVio }) => minVio)),
    'balance/dead_experts': loads.reduce((sum, { dead }) => sum + dead, 0),
  };
}

function layerLoad(step: number, layer: number, { model, train }: RunSettings, { imbalance = 0.1 }: FixtureOptions) {
  const tokens = train.batchSize * train.seqLen * model.numExpertsPerTok;
  const spread = imbalance + 1.4 * Math.exp(-step / 90);
  const experts = Array.from({ length: model.nRoutedExperts }, (_, e) => e);
  const taste = experts.map((e) => noise(layer, e, 7) - 0.5);
  const wanted = taste.map((value, e) => Math.max(0, 1 + 2 * spread * value + 0.15 * (noise(step, layer, e) - 0.5)));
  const total = wanted.reduce((sum, value) => sum + value, 0);
  const counts = wanted.map((value) => Math.round((value / total) * tokens));
  const average = mean(counts);
  const bias = taste.map((value, e) =>
    train.balancing === 'bias' ? -value * 0.2 * (1 - Math.exp(-step / 150)) + 0.002 * noise(step, e) : 0,
  );
  const maxVio = (Math.max(...counts) - average) / average;
  const minVio = (average - Math.min(...counts)) / average;
  const dead = counts.filter((count) => count === 0).length;
  const values = {
    [`load/${layer}/counts`]: counts,
    [`load/${layer}/max_vio`]: maxVio,
    [`load/${layer}/min_vio`]: minVio,
    [`load/${layer}/dead_experts`]: dead,
    [`load/${layer}/bias`]: bias,
  };
  return { values, maxVio, minVio, dead };
}

function evalLine(step: number, settings: RunSettings, { domains = ['moby-dick'] }: FixtureOptions): MetricsLine {
  const { model } = settings;
  const loss = lossAt(step, settings) + 0.1;
  const perDomain = domains.flatMap((domain, d) => [
    [`eval/domain/${domain}/loss`, loss + d * 0.3],
    [`eval/domain/${domain}/bits_per_byte`, loss * 0.62 + d * 0.2],
    [
      `eval/domain/${domain}/load`,
      layerIndices(settings).map((layer) =>
        Array.from({ length: model.nRoutedExperts }, (_, e) => Math.round(1000 * noise(layer, e, d, 9))),
      ),
    ],
  ]);
  const mtp = Array.from({ length: model.numNextnPredictLayers }, (_, depth) => [
    `eval/mtp_loss_${depth + 1}`,
    loss + 0.75 * (depth + 1),
  ]);
  return {
    ...Object.fromEntries([...perDomain, ...mtp]),
    step,
    tokens: step * 1024,
    seconds: step * 0.4,
    'eval/loss': loss,
    'eval/perplexity': Math.exp(loss),
    'eval/bits_per_byte': loss * 0.62,
    'eval/tokens': 20000,
    'eval/max_vio_global': 0.15 + Math.exp(-step / 90),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
