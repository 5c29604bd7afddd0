// A prompt continued: on a terminal as the text comes, and in one object for programs.

import type { WeightFormat } from '../engine/weight-formats.ts';
import type { SampleSet } from '../generate/batch/generate-samples.ts';
import type { GenerationRequest } from '../generate/batch/generator.ts';
import { openPromptFormat } from '../generate/chat/prompt-format.ts';
import { decodePlain, decodeSamples } from './decode-samples.ts';
import { comparison, describeSpeed } from './generation-summary.ts';
import { exitInterrupted, onInterrupt } from './interrupt.ts';
import type { OpenedModel } from './open-model.ts';
import type { CommandOutput } from './output.ts';
import { columnsOf, print } from './terminal/print.ts';
import { createTextWriter } from './terminal/text-writer.ts';

export interface PromptPlan {
  readonly prompt: string;
  readonly request: Omit<GenerationRequest, 'promptIds' | 'signal'>;
  /** Samples. */
  readonly n: number;
  /** Drafts for each pass; with any, it is decoded without them as well, to compare. */
  readonly drafts: number;
  readonly weights: WeightFormat;
}

/** Prints the text and what it cost, unless it is for programs; an interrupted text is printed as far as it came. */
export async function continuePrompt(opened: OpenedModel, plan: PromptPlan, asJson: boolean): Promise<CommandOutput> {
  const { prompt, n, drafts } = plan;
  const { start } = await openPromptFormat(opened.path, opened.tokenizer);
  const abort = new AbortController();
  const promptIds = [...start, ...opened.tokenizer.encode(prompt)];
  const request = { ...plan.request, promptIds, signal: abort.signal };
  const stopListening = onInterrupt(process, {
    first: () => abort.abort(),
    second: () => process.exit(exitInterrupted),
  });
  try {
    const plain = drafts > 0 ? await decodePlain(opened, request, plan) : null;
    const writer = n === 1 && !asJson ? createTextWriter(prompt) : null;
    const result = await decodeSamples(opened, request, plan, writer?.write);
    writer?.end();
    if (!asJson) {
      report(opened, plan, result, plain);
      if (writer === null) writeSamples(prompt, result);
    }
    const weights = plan.weights === 'float32' ? {} : { weights: plan.weights };
    const json = { ...jsonOf(result, plain), precision: opened.precision, ...weights };
    return { json, lines: [], ...(abort.signal.aborted ? { exitCode: exitInterrupted } : {}) };
  } finally {
    stopListening();
  }
}

/** What it cost, on standard error, below the streamed text. */
function report({ config }: OpenedModel, plan: PromptPlan, result: SampleSet, plain: SampleSet | null): void {
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
    const writer = createTextWriter(prompt);
    writer.write(text);
    writer.end();
  });
}

function costOf({ tokensPerSecond, prefillSeconds, forwardPasses, acceptanceRate }: SampleSet) {
  return { tokensPerSecond, prefillSeconds, forwardPasses, acceptanceRate };
}

/**
 * The first sample's text and ids on top, where programs look for them; all of them in `samples` if there are several.
 */
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
