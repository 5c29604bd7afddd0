// Every constraint on a configuration, once: types and ranges by the schemas, then how the keys must fit together.
//
// A constraint is a function that returns a complaint or nothing. All complaints are reported together, each with
// values that would work. Whoever holds a `ModelConfig` that passed here need not check it again.

import { UserError } from '../errors.ts';
import { type ConfigSource, describeIssues, runConfigSource, showValue } from './issues.ts';
import type { ModelConfig, YarnScaling } from './model-config.ts';
import { deepseekV3, tiny } from './model-presets.ts';
import { modelConfigSchema, trainConfigSchema } from './schema.ts';
import type { TrainConfig } from './train-config.ts';
import { defaultTrainConfig } from './train-presets.ts';

/** Spells a key as its source does; `at` adds its value: `nGroup (4)`. */
interface Spelling<K extends string> {
  readonly name: (key: K | keyof YarnScaling) => string;
  readonly at: (key: K) => string;
}

/** What is wrong, and values that would work. */
type Complaint = readonly [what: string, fix: string];

type ModelConstraint = (config: ModelConfig, spelling: Spelling<keyof ModelConfig>) => Complaint | undefined;
type TrainConstraint = (
  train: TrainConfig,
  model: ModelConfig,
  spelling: Spelling<keyof TrainConfig | keyof ModelConfig>,
) => Complaint | undefined;

/** A constraint with the sentence that `docs/configuration.md` has for it. */
type Rule<C> = readonly [sentence: string, constraint: C];

/** The multiples of `divisor` next to `value`, from `smallest` up: "8 or 12". */
function nearestMultiples(value: number, divisor: number, smallest: number): string {
  const below = Math.floor(value / divisor) * divisor;
  const candidates = [below, below + divisor].filter((candidate) => candidate >= smallest);
  return candidates.length > 0 ? candidates.join(' or ') : String(smallest);
}

/** With several groups the score of a group is the sum of its two best experts (F 2.3). */
function fewestExperts({ nGroup }: ModelConfig): number {
  return nGroup > 1 ? 2 * nGroup : 1;
}

const groupsDivideExperts: ModelConstraint = (config, { at }) => {
  const { nRoutedExperts, nGroup } = config;
  if (nRoutedExperts % nGroup === 0) return undefined;
  const fix = nearestMultiples(nRoutedExperts, nGroup, fewestExperts(config));
  return [`${at('nRoutedExperts')} must be divisible by ${at('nGroup')}`, `try ${fix}`];
};

const twoExpertsPerGroup: ModelConstraint = (config, { at, name }) => {
  const { nRoutedExperts, nGroup } = config;
  if (nRoutedExperts % nGroup !== 0 || nRoutedExperts >= fewestExperts(config)) return undefined;
  return [
    `${at('nRoutedExperts')} must be at least twice ${at('nGroup')}, since a group is scored by its two best experts`,
    `try ${fewestExperts(config)}, or set ${name('nGroup')} and ${name('topkGroup')} to 1`,
  ];
};

const keptGroupsExist: ModelConstraint = ({ topkGroup, nGroup }, { at }) => {
  if (topkGroup <= nGroup) return undefined;
  return [`${at('topkGroup')} must be at most ${at('nGroup')}`, `try ${nGroup}`];
};

/** Beyond it, which of the experts out of reach a token visits would be left to chance, as it is in transformers. */
const keptGroupsHoldEnough: ModelConstraint = (config, { at, name }) => {
  const { nRoutedExperts, nGroup, topkGroup, numExpertsPerTok } = config;
  const reachable = (topkGroup * nRoutedExperts) / nGroup;
  if (topkGroup > nGroup || nRoutedExperts % nGroup !== 0 || numExpertsPerTok <= reachable) return undefined;
  return [
    `${at('numExpertsPerTok')} must be at most ${reachable}, the experts in ${at('topkGroup')} of ${nGroup} groups`,
    `set ${name('numExpertsPerTok')} to ${reachable} or less`,
  ];
};

const rotaryPairs: ModelConstraint = ({ qkRopeHeadDim }, { at }) => {
  if (qkRopeHeadDim % 2 === 0) return undefined;
  return [
    `${at('qkRopeHeadDim')} must be even, since channels rotate in pairs`,
    `try ${nearestMultiples(qkRopeHeadDim, 2, 2)}`,
  ];
};

const denseLayersExist: ModelConstraint = ({ firstKDenseReplace, numHiddenLayers }, { at }) => {
  if (firstKDenseReplace <= numHiddenLayers) return undefined;
  return [`${at('firstKDenseReplace')} must be at most ${at('numHiddenLayers')}`, `try ${numHiddenLayers} or less`];
};

function tokenInVocabulary(key: 'bosTokenId' | 'eosTokenId'): ModelConstraint {
  return (config, { at }) => {
    if ((config[key] ?? 0) < config.vocabSize) return undefined;
    return [`${at(key)} must be below ${at('vocabSize')}`, `try ${config.vocabSize - 1} or less`];
  };
}

/** Before 5.18 transformers divided the two lengths and ignored `factor` (F 6.5): a model should leave no doubt. */
const lengthsGiveFactor: ModelConstraint = ({ ropeScaling, maxPositionEmbeddings }, { name, at }) => {
  if (ropeScaling === null) return undefined;
  const { factor, originalMaxPositionEmbeddings: original } = ropeScaling;
  const ratio = maxPositionEmbeddings / original;
  if (Math.abs(factor - ratio) <= 1e-6 * factor) return undefined;
  const longer = Number.isSafeInteger(factor * original)
    ? `${name('maxPositionEmbeddings')} to ${factor * original}`
    : '';
  const fixes = [longer, ratio >= 1 ? `${name('ropeScaling')}.factor to ${ratio}` : ''].filter((fix) => fix !== '');
  return [
    `${at('maxPositionEmbeddings')} must be ${name('ropeScaling')}.factor (${factor}) times ` +
      `${name('originalMaxPositionEmbeddings')} (${original})`,
    fixes.length > 0 ? `set ${fixes.join(', or ')}` : '',
  ];
};

const rampHasWidth: ModelConstraint = ({ ropeScaling }, { name }) => {
  if (ropeScaling?.type !== 'yarn' || ropeScaling.betaFast > ropeScaling.betaSlow) return undefined;
  const { betaFast, betaSlow } = ropeScaling;
  const key = name('ropeScaling');
  return [
    `${key}.${name('betaFast')} (${betaFast}) must be greater than ${key}.${name('betaSlow')} (${betaSlow})`,
    'try 32 and 1',
  ];
};

/** Without these, no program could compute the model. */
const necessaryRules: readonly Rule<ModelConstraint>[] = [
  ['`nRoutedExperts` is a multiple of `nGroup`.', groupsDivideExperts],
  [
    'With more than one group, `nRoutedExperts` is at least twice `nGroup`: a group is scored by its two best experts.',
    twoExpertsPerGroup,
  ],
  ['`topkGroup` is at most `nGroup`.', keptGroupsExist],
  ['`numExpertsPerTok` is at most the number of experts in `topkGroup` groups.', keptGroupsHoldEnough],
  ['`qkRopeHeadDim` is even: channels rotate in pairs.', rotaryPairs],
];

/** Settings that somebody types break these by mistake; the file of a model that was trained elsewhere may do so. */
const carefulRules: readonly Rule<ModelConstraint>[] = [
  ['`firstKDenseReplace` is at most `numHiddenLayers`.', denseLayersExist],
  ['`bosTokenId` is below `vocabSize`.', tokenInVocabulary('bosTokenId')],
  ['`eosTokenId` is below `vocabSize`.', tokenInVocabulary('eosTokenId')],
  [
    '`maxPositionEmbeddings` is `ropeScaling.factor` times `ropeScaling.originalMaxPositionEmbeddings`.',
    lengthsGiveFactor,
  ],
  ['`ropeScaling.betaFast` is greater than `ropeScaling.betaSlow`.', rampHasWidth],
];

const partsDivideBatch: TrainConstraint = ({ batchSize, gradAccumSteps }, _model, { at }) => {
  if (batchSize % gradAccumSteps === 0) return undefined;
  const fix = nearestMultiples(batchSize, gradAccumSteps, gradAccumSteps);
  return [`${at('batchSize')} must be divisible by ${at('gradAccumSteps')}`, `try ${fix}`];
};

const sequenceFits: TrainConstraint = ({ seqLen }, { maxPositionEmbeddings }, { at, name }) => {
  if (seqLen <= maxPositionEmbeddings) return undefined;
  return [
    `${at('seqLen')} must be at most ${at('maxPositionEmbeddings')}`,
    `set ${name('seqLen')} to ${maxPositionEmbeddings}, or ${name('maxPositionEmbeddings')} to ${seqLen}`,
  ];
};

const alternateDivides: TrainConstraint = ({ seqLen, alternateSeqLen }, _model, { at }) => {
  if (alternateSeqLen === 0 || (alternateSeqLen < seqLen && seqLen % alternateSeqLen === 0)) return undefined;
  return [`${at('alternateSeqLen')} must be a part of ${at('seqLen')} that divides it, or 0`, 'try 0'];
};

const sequenceHoldsDepths: TrainConstraint = ({ seqLen }, { numNextnPredictLayers: depth }, { at, name }) => {
  if (depth < seqLen) return undefined;
  return [
    `${at('numNextnPredictLayers')} must be smaller than ${at('seqLen')}, or nothing is left to predict`,
    `set ${name('numNextnPredictLayers')} to ${seqLen - 1} or less, or ${name('seqLen')} to ${depth + 1} or more`,
  ];
};

const warmupPrecedesDecay: TrainConstraint = ({ lrSchedule, warmupFraction }, _model, { at }) => {
  const decayStart = 10 / 14.8;
  if (lrSchedule !== 'deepseek-v3' || warmupFraction <= decayStart) return undefined;
  return [`${at('warmupFraction')} must be at most 0.67, where ${at('lrSchedule')} begins to decay`, 'try 0.02'];
};

/** Tokens of a step that have room in memory at all, in parts or not. */
const maxStepTokens = 2 ** 26;

const stepHasRoom: TrainConstraint = ({ batchSize, seqLen }, _model, { at }) => {
  if (batchSize * seqLen <= maxStepTokens) return undefined;
  return [`${at('batchSize')} times ${at('seqLen')} must be at most ${maxStepTokens} tokens`, 'lower one of them'];
};

const trainRules: readonly Rule<TrainConstraint>[] = [
  [`\`batchSize\` times \`seqLen\` is at most ${maxStepTokens} tokens.`, stepHasRoom],
  ['`batchSize` is a multiple of `gradAccumSteps`.', partsDivideBatch],
  ['`seqLen` is at most `maxPositionEmbeddings`.', sequenceFits],
  ['`alternateSeqLen` is 0, or divides `seqLen` and is smaller.', alternateDivides],
  ['`numNextnPredictLayers` is smaller than `seqLen`: otherwise nothing is left to predict.', sequenceHoldsDepths],
  [
    'With the schedule `deepseek-v3`, `warmupFraction` is at most 0.67, where the learning rate begins to fall.',
    warmupPrecedesDecay,
  ],
];

/** How keys must fit together, in sentences: first those of the model, then those of a run. */
export const constraintSentences: readonly string[] = [...necessaryRules, ...carefulRules, ...trainRules].map(
  ([sentence]) => sentence,
);

/** Valid values of every key, those inside `ropeScaling` included, to offer in place of wrong ones. */
const exampleModel: ModelConfig = { ...tiny, ropeScaling: deepseekV3.ropeScaling };

function spellingOf<T extends object>(config: T, { keyName }: ConfigSource): Spelling<keyof T & string> {
  return { name: keyName, at: (key) => `${keyName(key)} (${showValue(config[key])})` };
}

/** Throws a `UserError` with one line for each complaint. */
function throwIfAny(complaints: readonly (Complaint | undefined)[], { where, remedy }: ConfigSource): void {
  const lines = complaints.flatMap((complaint) => {
    if (complaint === undefined) return [];
    const [what, fix] = complaint;
    return [[`${where}: ${what}`, remedy ?? fix].filter((part) => part !== '').join('; ')];
  });
  if (lines.length > 0) throw new UserError(lines.join('\n'));
}

/**
 * A `ModelConfig` that holds together, or a `UserError` with one line for each problem.
 *
 * Takes any value: the types of the keys are checked too. What is known of the settings decides how strict it is: with
 * a source that has a remedy of its own, such as the file of a model, only what cannot be computed is refused.
 */
export function validateModelConfig(config: unknown, source: ConfigSource = runConfigSource): ModelConfig {
  const parsed = modelConfigSchema.safeParse(config);
  if (!parsed.success) {
    throw new UserError(describeIssues(parsed.error.issues, config, exampleModel, source).join('\n'));
  }
  const spelling = spellingOf<ModelConfig>(parsed.data, source);
  const rules = source.remedy === undefined ? [...necessaryRules, ...carefulRules] : necessaryRules;
  throwIfAny(
    rules.map(([, constraint]) => constraint(parsed.data, spelling)),
    source,
  );
  return parsed.data;
}

/** A `TrainConfig` that holds together and fits `model`, or a `UserError` with one line for each problem. */
export function validateTrainConfig(train: unknown, model: ModelConfig): TrainConfig {
  const parsed = trainConfigSchema.safeParse(train);
  if (!parsed.success) {
    throw new UserError(describeIssues(parsed.error.issues, train, defaultTrainConfig, runConfigSource).join('\n'));
  }
  const spelling = spellingOf<TrainConfig & ModelConfig>({ ...parsed.data, ...model }, runConfigSource);
  throwIfAny(
    trainRules.map(([, constraint]) => constraint(parsed.data, model, spelling)),
    runConfigSource,
  );
  return parsed.data;
}
