// `tinyseek generate`: continues a prompt, as it comes on a terminal or as one object for programs.

import { readFileSync } from 'node:fs';
import { UserError } from '../../errors.ts';
import { createGenerator } from '../../generate/batch-generator.ts';
import { createDecoder } from '../../generate/create-decoder.ts';
import { generateSamples, type SampleSet, type TextListener } from '../../generate/generate-samples.ts';
import type { GenerationRequest } from '../../generate/generator.ts';
import { openPromptFormat } from '../../generate/prompt-format.ts';
import { comparison, describeSpeed } from '../generation-summary.ts';
import { exitInterrupted, onInterrupt } from '../interrupt.ts';
import { type OpenedModel, openModel } from '../open-model.ts';
import type { CommandOutput } from '../output.ts';
import { wholeNumber } from '../run-options.ts';
import {
  type GenerationFlags,
  parseDrafts,
  parseMaxNewTokens,
  parseSampling,
  parseStops,
} from '../sampling-options.ts';
import { colorsFor } from '../terminal/colors.ts';
import { printable } from '../terminal/text.ts';

export interface GenerateOptions extends GenerationFlags {
  readonly prompt: string;
  readonly n?: string;
  readonly json?: boolean;
}

interface Plan {
  readonly prompt: string;
  readonly request: Omit<GenerationRequest, 'promptIds'>;
  readonly n: number;
  readonly drafts: number;
}

/** Samples that run at once; more wait for a slot. */
const MOST_SLOTS = 32;
const WARM_UP_TOKENS = 32;

/** Standard input without the newline that ends its last line, or the text itself. */
function readPrompt(prompt: string): string {
  const text = prompt === '-' ? readFileSync(0, 'utf8').replace(/\r?\n$/, '') : prompt;
  if (text === '') throw new UserError('generate: the prompt is empty; give at least one character');
  return text;
}

function makePlan(options: GenerateOptions, signal: AbortSignal): Plan {
  const n = options.n === undefined ? 1 : wholeNumber('--n', options.n);
  const sampling = parseSampling(options);
  if (n > 1 && sampling.temperature === 0) {
    throw new UserError(`--n ${n}: all samples are the same with --temperature 0; drop one of them`);
  }
  const maxNewTokens = parseMaxNewTokens(options);
  const stop = parseStops(options.stop);
  const drafts = parseDrafts(options.speculative);
  const request = { maxNewTokens, sampling, stop, topLogprobs: null, signal };
  return { prompt: readPrompt(options.prompt), request, n, drafts };
}

/** One way of decoding, from an empty cache. */
async function run(
  { model, tokenizer, config }: OpenedModel,
  request: GenerationRequest,
  { n, drafts }: Pick<Plan, 'n' | 'drafts'>,
  onText?: TextListener,
): Promise<SampleSet> {
  const capacity = Math.min(config.maxPositionEmbeddings, request.promptIds.length + request.maxNewTokens);
  const decoder = createDecoder(model, { slots: Math.min(n, MOST_SLOTS), capacity, drafts: drafts > 0 });
  const generator = createGenerator(decoder, tokenizer, { drafts });
  try {
    return await generateSamples(generator, request, n, onText);
  } finally {
    await generator.dispose();
  }
}

/** The same without drafts, to compare with; both ways have run a little before, so that neither pays for the start. */
async function runPlain(opened: OpenedModel, request: GenerationRequest, plan: Plan): Promise<SampleSet> {
  const short = { ...request, maxNewTokens: Math.min(request.maxNewTokens, WARM_UP_TOKENS) };
  await run(opened, short, plan);
  await run(opened, short, { n: plan.n, drafts: 0 });
  return run(opened, request, { n: plan.n, drafts: 0 });
}

/** Writes the text of a single sample as it comes; on a terminal after its prompt, and without control characters. */
function createStreamer(prompt: string): TextListener {
  const isTerminal = process.stdout.isTTY === true;
  if (isTerminal) process.stdout.write(colorsFor(process.stdout).dim(printable(prompt)));
  return (text) => void process.stdout.write(isTerminal ? printable(text) : text);
}

/** Continues a prompt; an interrupted text is printed as far as it came. */
export async function generate(checkpoint: string, options: GenerateOptions): Promise<CommandOutput> {
  const abort = new AbortController();
  const plan = makePlan(options, abort.signal);
  const opened = await openModel(checkpoint, options);
  const { start } = openPromptFormat(opened.path, opened.tokenizer);
  const request = { ...plan.request, promptIds: [...start, ...opened.tokenizer.encode(plan.prompt)] };
  const streams = plan.n === 1 && options.json !== true;
  const stopListening = onInterrupt(process, {
    first: () => abort.abort(),
    second: () => process.exit(exitInterrupted),
  });
  try {
    const plain = plan.drafts > 0 ? await runPlain(opened, request, plan) : null;
    const result = await run(opened, request, plan, streams ? createStreamer(plan.prompt) : undefined);
    if (streams) process.stdout.write('\n');
    if (options.json !== true) report(opened, plan, result, plain);
    return {
      json: jsonOf(result, plain),
      lines: streams ? [] : sampleLines(result),
      ...(abort.signal.aborted ? { exitCode: exitInterrupted } : {}),
    };
  } finally {
    stopListening();
  }
}

/** What it cost, on standard error, below the streamed text. */
function report({ config }: OpenedModel, plan: Plan, result: SampleSet, plain: SampleSet | null): void {
  const lines = [
    describeSpeed(result, config.maxPositionEmbeddings, plan.request.maxNewTokens),
    ...(plain === null ? [] : comparison(plain, result, plan.drafts, plan.request.sampling.temperature === 0)),
  ];
  process.stderr.write(`${plan.n === 1 ? '\n' : ''}${lines.join('\n')}\n`);
}

function sampleLines({ samples }: SampleSet): string[] {
  const show = process.stdout.isTTY === true ? printable : (text: string) => text;
  return samples.flatMap(({ text, seed }, i) => [`--- ${i + 1} of ${samples.length}, seed ${seed}`, show(text)]);
}

function costOf({ tokensPerSecond, prefillSeconds, forwardPasses, acceptanceRate }: SampleSet) {
  return { tokensPerSecond, prefillSeconds, forwardPasses, acceptanceRate };
}

/** The first sample's text and ids on top, where programs look for them; all of them in `samples` if there are several. */
function jsonOf(result: SampleSet, plain: SampleSet | null): object {
  const samples = result.samples.map(({ text, ids, finishReason, seed }) => ({ text, ids, finishReason, seed }));
  const { text, ids, finishReason } = samples[0]!;
  return {
    ...{ text, ids, finishReason },
    ...costOf(result),
    ...(samples.length > 1 ? { samples } : {}),
    ...(plain === null ? {} : { plain: costOf(plain) }),
  };
}
