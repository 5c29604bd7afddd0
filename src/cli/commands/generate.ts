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
import { columnsOf, print } from '../terminal/print.ts';
import { writePrompt } from '../terminal/prompt.ts';
import { printable } from '../terminal/text.ts';
import { WordWrap } from '../terminal/word-wrap.ts';

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

/** Writes a continuation: as it is to a file or a pipe; on a terminal after its prompt, broken at words. */
interface TextWriter {
  readonly write: (text: string) => void;
  readonly end: () => void;
}

function createWriter(prompt: string): TextWriter {
  const { stdout } = process;
  if (!stdout.isTTY) return { write: (text) => void stdout.write(text), end: () => void stdout.write('\n') };
  const wrap = new WordWrap(() => columnsOf(stdout), 'keep');
  // With the first token: a prompt that is too long is an error, and nothing is printed then.
  let isStarted = false;
  const start = () => {
    if (!isStarted) stdout.write(writePrompt(wrap, prompt, colorsFor(stdout)));
    isStarted = true;
  };
  return {
    write: (text) => {
      start();
      stdout.write(wrap.write(printable(text)));
    },
    end: () => {
      start();
      stdout.write(`${wrap.flush()}\n`);
    },
  };
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
    const writer = streams ? createWriter(plan.prompt) : null;
    const result = await run(opened, request, plan, writer?.write);
    writer?.end();
    if (options.json !== true) {
      report(opened, plan, result, plain);
      if (writer === null) writeSamples(plan.prompt, result);
    }
    return {
      json: jsonOf(result, plain),
      lines: [],
      ...(abort.signal.aborted ? { exitCode: exitInterrupted } : {}),
    };
  } finally {
    stopListening();
  }
}

/** What it cost, on standard error, below the streamed text. */
function report({ config }: OpenedModel, plan: Plan, result: SampleSet, plain: SampleSet | null): void {
  const { drafts, n, request } = plan;
  const compared = { drafts, isGreedy: request.sampling.temperature === 0, width: columnsOf(process.stderr) };
  print(process.stderr, [
    ...(n === 1 ? [''] : []),
    describeSpeed(result, config.maxPositionEmbeddings, request.maxNewTokens),
    ...(plain === null ? [] : comparison(plain, result, compared)),
  ]);
}

function writeSamples(prompt: string, { samples }: SampleSet): void {
  samples.forEach(({ text, seed }, i) => {
    print(process.stdout, [`--- ${i + 1} of ${samples.length}, seed ${seed}`]);
    const writer = createWriter(prompt);
    writer.write(text);
    writer.end();
  });
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
