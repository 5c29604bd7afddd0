// The model card: the `README.md` of an exported folder, with the front matter that Hugging Face's hub reads.

import { stringify } from 'yaml';
import { countParameters } from '../config/counts.ts';
import type { ModelConfig } from '../config/model-config.ts';
import type { TrainConfig } from '../config/train-config.ts';
import type { RunData } from '../report/run-data.ts';
import type { PlanChange } from '../train/plan-changes.ts';
import type { InitialModel } from '../train/run-settings.ts';
import type { TrainerState } from '../train/trainer-state.ts';
import { type ExportFormat, formatName } from './export-format.ts';

/** What a card is made of. */
export interface CardContents {
  readonly name: string;
  readonly config: ModelConfig;
  /** Of the checkpoint, which may have MTP modules that the folder lacks. */
  readonly storedConfig: ModelConfig;
  readonly format: ExportFormat;
  /** Null, as `train` is undefined, for a model that was not trained here. */
  readonly state: TrainerState | null;
  readonly train: TrainConfig | undefined;
  /** Null if only the checkpoint is at hand. */
  readonly run: RunData | null;
}

type Row = readonly [label: string, value: string];

/** The text of the card. */
export function modelCard(contents: CardContents): string {
  const { name } = contents;
  const parts = [
    `---\n${stringify(frontMatter(contents))}---`,
    `# ${name}`,
    introduction(contents),
    `## Use\n\n${usage(contents)}`,
    `## Sizes\n\n${table(sizes(contents))}`,
    `## Training\n\n${training(contents)}`,
    `## Results\n\n${results(contents)}`,
    ...sample(contents),
    `## Limits\n\n${limits(contents)}`,
  ];
  return `${parts.join('\n\n')}\n`;
}

function frontMatter({ name, config, state, train }: CardContents): object {
  const evaluation = state?.evaluation ?? null;
  const card = {
    library_name: 'transformers',
    pipeline_tag: 'text-generation',
    tags: [
      ...['deepseek_v3', 'mixture-of-experts', 'multi-head-latent-attention'],
      ...(config.numNextnPredictLayers > 0 ? ['multi-token-prediction'] : []),
      'tinyseek',
    ],
  };
  if (evaluation === null || train === undefined) return card;
  const metrics = [
    { type: 'loss', name: 'nats per token', value: evaluation.loss },
    { type: 'bits_per_byte', name: 'bits per byte', value: evaluation.bitsPerByte },
  ];
  const dataset = { type: 'text', name: `held-out text of ${train.data}` };
  return { ...card, 'model-index': [{ name, results: [{ task: { type: 'text-generation' }, dataset, metrics }] }] };
}

function introduction({ config, train, state }: CardContents): string {
  const { total, active } = countParameters(config);
  const from = state?.init === undefined ? 'from scratch' : `from the weights of \`${state.init.path}\``;
  const origin =
    train === undefined ? 'What it was trained on is not recorded.' : `Trained ${from} on \`${train.data}\`.`;
  return (
    `A DeepSeek-V3 model in miniature (\`deepseek_v3\`): ${count(total)} parameters, ${count(active)} of them active for a ` +
    `token. ${origin} Written by TinySeek (\`tinyseek export\`).`
  );
}

/** What becomes of the MTP modules; nothing for a model that never had any. */
function mtpNote({ config, storedConfig }: CardContents): string {
  const layer = `layer ${config.numHiddenLayers}`;
  if (config.numNextnPredictLayers > 0) {
    return `\n\ntransformers leaves the MTP module (${layer}) out and lists its tensors as unexpected, which is harmless.`;
  }
  if (storedConfig.numNextnPredictLayers === 0) return '';
  return `\n\nThe MTP module (${layer}) that it was trained with is not in this folder (\`tinyseek export --no-mtp\`).`;
}

function usage(contents: CardContents): string {
  const { name } = contents;
  return `\`\`\`python
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("${name}")
tokenizer = AutoTokenizer.from_pretrained("${name}")
# A text begins after the end of another: that is how the model saw them.
ids = tokenizer(tokenizer.eos_token + "Call me", return_tensors="pt")
print(tokenizer.decode(model.generate(**ids, max_new_tokens=40)[0]))
\`\`\`${mtpNote(contents)}`;
}

function sizes({ config, format }: CardContents): Row[] {
  const counts = countParameters(config);
  return [
    ['Parameters', exact(counts.total)],
    ['active for a token', exact(counts.active)],
    ['in the MTP modules', exact(counts.mtp)],
    ['Layers', `${config.numHiddenLayers}, the first ${config.firstKDenseReplace} of them dense`],
    ['Experts', `${config.nRoutedExperts} routed, ${config.numExpertsPerTok} a token, ${config.nSharedExperts} shared`],
    ['Width', `${config.hiddenSize}, ${config.numAttentionHeads} heads`],
    ['Cache', `${counts.kvCacheElementsPerTokenPerLayer} numbers a token and layer`],
    ['Context', `${exact(config.maxPositionEmbeddings)} tokens`],
    ['Vocabulary', exact(config.vocabSize)],
    ['Stored as', `${formatName(format)}, balancing biases F32`],
  ];
}

function training({ state, train, run }: CardContents): string {
  if (state === null || train === undefined) return 'Not by TinySeek; see where the model came from.';
  const rows: Row[] = [
    ['Data', `\`${train.data}\`, ${exact(state.trainTokens)} tokens`],
    ['Tokenizer', `\`${train.tokenizer}\``],
    ...(state.init === undefined ? [] : [startingPoint(state.init)]),
    ['Steps', `${exact(state.step)} of ${exact(train.steps)} planned`],
    ...(run?.settings.planChanges ?? []).map(planChange),
    ['Tokens seen', exact(state.tokens)],
    ['Batch', `${train.batchSize} sequences of ${train.seqLen} tokens`],
    ['Learning rate', `${train.learningRate}, \`${train.lrSchedule}\``],
    ['Balancing', `\`${train.balancing}\`, speed ${train.expertBiasUpdateSpeed}`],
    ['MTP loss weight', `${train.mtpLossWeight}, then ${train.mtpLossWeightFinal}`],
    ['Seed', String(train.seed)],
    ['Time', `${Math.round(state.seconds)} s`],
  ];
  const { settings } = run ?? {};
  const machine: Row[] = settings ? [['Computed by', `tinyseek ${settings.version}, backend ${settings.backend}`]] : [];
  return table([...rows, ...machine]);
}

function startingPoint({ path, sha256 }: InitialModel): Row {
  return ['Started from', `\`${path}\`, SHA-256 of its weights ${sha256}`];
}

function planChange({ atStep, from, to, schedule }: PlanChange): Row {
  const what = schedule === 'extended' ? 'schedules laid anew' : 'schedules kept, their last values go on';
  return [`Plan changed after step ${exact(atStep)}`, `${exact(to)} steps instead of ${exact(from)}, ${what}`];
}

function results({ state, run }: CardContents): string {
  const evaluation = state?.evaluation ?? null;
  if (evaluation === null) return 'Not evaluated.';
  const last = run?.metrics.findLast(
    (line) => typeof line['eval/loss'] === 'number' && line.step <= (state?.step ?? 0),
  );
  const maxVio = last?.['eval/max_vio_global'];
  const brotli = run?.settings.brotliBitsPerByte;
  return table([
    ['Loss on held-out text', `${evaluation.loss.toFixed(4)} nats a token`],
    ['Bits per byte', evaluation.bitsPerByte.toFixed(4)],
    ...(typeof brotli !== 'number' ? [] : [['Brotli, quality 11, of the same text', brotli.toFixed(4)] as const]),
    ...(typeof maxVio === 'number' ? [['Load of the experts, MaxVio', maxVio.toFixed(3)] as const] : []),
  ]);
}

function sample({ run, state }: CardContents): string[] {
  const last = run?.samples.findLast(({ step }) => step <= (state?.step ?? 0));
  if (!last) return [];
  const lines = `${last.prompt}${last.text}`.split('\n').map((line) => `    ${line}`.trimEnd());
  return [`## Sample\n\nAfter step ${last.step}:\n\n${lines.join('\n')}`];
}

function limits({ config, train }: CardContents): string {
  const learned = train === undefined ? '' : ` It knows \`${train.data}\` and nothing else, and it makes things up.`;
  return [
    `- A model of this size continues text in the manner of what it read.${learned} It follows no instructions.`,
    `- It reads at most ${exact(config.maxPositionEmbeddings)} tokens.`,
    '- Nothing was done about harmful or biased text in what it was trained on.',
    '- The size was chosen to train on a laptop: what it scores says nothing about DeepSeek-V3.',
  ].join('\n');
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(([label, value]) => `| ${label} | ${value.replaceAll('|', '\\|')} |`);
  return ['| | |', '|---|---|', ...lines].join('\n');
}

function exact(value: number): string {
  return value.toLocaleString('en-US');
}

/** `1.92 M`, with three digits. */
function count(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toPrecision(3)} B`;
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)} M`;
  return value >= 1000 ? `${(value / 1000).toPrecision(3)} k` : String(value);
}
