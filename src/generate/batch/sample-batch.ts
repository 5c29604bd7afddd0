// Many prompts continued at once, each several times, with the log probability of every token: what evaluations count
// and what reinforcement learning learns from.
//
// It is not `createGenerator`: there are no requests that come and go, no texts and no streams, so nothing is computed
// for each token but the draw.

import { createRandom, type Random } from '../../data/random.ts';
import { UserError } from '../../errors.ts';
import { nextTurn } from '../../event-loop.ts';
import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import { createDecoder } from '../decoder/create-decoder.ts';
import type { Decoder } from '../decoder/decoder.ts';
import type { DrawnTokens } from '../passes/passes.ts';

/** One continuation of a prompt. */
export interface SampledAnswer {
  /** The tokens after the prompt, the one that ended the answer included. */
  readonly ids: readonly number[];
  /**
   * The natural logarithm of the probability with which each token was drawn, so with the temperature in it; at
   * temperature 0 that of the model itself.
   */
  readonly logps: readonly number[];
  /** Whether an end token or `stop` ended it; otherwise the answer was cut off at `maxNewTokens`. */
  readonly ended: boolean;
}

export interface SampleBatchOptions {
  /** Answers to each prompt. Default 1. */
  readonly n?: number;
  /** 0 takes the most likely token every time. Default 1: the model as it is. */
  readonly temperature?: number;
  /** Where chance comes from: one number is taken for each answer, whatever its length. */
  readonly random: Random;
  readonly maxNewTokens: number;
  readonly endTokenIds: readonly number[];
  /**
   * What ends an answer besides: called for each answer, and what it returns then with each token of it, until that
   * says that the answer has ended.
   */
  readonly stop?: () => (id: number) => boolean;
  /** Most sequences in memory at once; never fewer than `n`. Default 256. */
  readonly atOnce?: number;
}

/** An answer that is being made. */
interface Sequence {
  readonly slot: number;
  readonly random: Random;
  readonly stops: (id: number) => boolean;
  readonly ids: number[];
  readonly logps: number[];
  ended: boolean;
}

/** A prompt and where its answers go. */
interface Group {
  readonly prompt: readonly number[];
  readonly seeds: readonly number[];
  answers: readonly Sequence[];
}

/** Timers, sockets and signals get their turn after this many milliseconds. */
const turnEvery = 20;

/**
 * Continues each prompt `n` times, from the weights as they are now. Returns the answers by prompt.
 *
 * A prompt is run once for all its answers. An answer leaves the batch when it ends, and the next prompt takes the
 * place. On the engine an answer depends only on the weights, its prompt and its random number, and so has the same
 * bits however many run beside it.
 *
 * A decoder is made for every call, because its copy of the weights would not follow an update: this takes about a
 * millisecond for a hundred thousand parameters, less than one pass.
 *
 * @throws {UserError} when a prompt is empty, has a token outside the vocabulary or leaves no room for `maxNewTokens`,
 * when an option is impossible, or when the model gives logits that are not numbers.
 */
export async function sampleBatch(
  model: DeepseekV3ForCausalLM,
  prompts: readonly (readonly number[])[],
  options: SampleBatchOptions,
): Promise<SampledAnswer[][]> {
  const { n = 1, random, atOnce = 256 } = options;
  checkOptions(options);
  checkPrompts(model, prompts, options);
  const groups: Group[] = prompts.map((prompt) => {
    return { prompt, seeds: Array.from({ length: n }, () => random.below(2 ** 32)), answers: [] };
  });
  if (groups.length === 0) return [];
  const capacity = Math.max(...prompts.map(({ length }) => length)) + options.maxNewTokens - 1;
  const slots = Math.min(Math.max(n, atOnce), n * prompts.length);
  const decoder = createDecoder(model, { slots, capacity });
  try {
    await run(decoder, groups, options);
  } finally {
    decoder.dispose();
  }
  return groups.map(({ answers }) => answers.map(({ ids, logps, ended }) => ({ ids, logps, ended })));
}

async function run(decoder: Decoder, groups: readonly Group[], options: SampleBatchOptions): Promise<void> {
  const { n = 1, temperature = 1, maxNewTokens, endTokenIds, stop = () => () => false } = options;
  const ends = new Set(endTokenIds);
  const free = Array.from({ length: decoder.slots }, (_, slot) => slot);
  const waiting = [...groups];
  let live: Sequence[] = [];
  let turned = performance.now();
  while (waiting.length > 0 || live.length > 0) {
    const admitted = waiting.splice(0, Math.floor(free.length / n));
    const started = await startGroups(decoder, admitted, free.splice(0, n * admitted.length), temperature, stop);
    if (live.length > 0) {
      const inputs = live.map(({ slot, ids, random }) => ({ slot, tokens: [ids.at(-1)!], quantiles: [random.next()] }));
      append(live, await decoder.draw(inputs, temperature));
    }
    live = [...live, ...started].filter((sequence) => {
      const last = sequence.ids.at(-1)!;
      sequence.ended = ends.has(last) || sequence.stops(last);
      if (!sequence.ended && sequence.ids.length < maxNewTokens) return true;
      decoder.truncate(sequence.slot, 0);
      free.push(sequence.slot);
      return false;
    });
    if (performance.now() - turned < turnEvery) continue;
    await nextTurn();
    turned = performance.now();
  }
}

/** Runs the prompts of groups and draws the first token of every answer. */
async function startGroups(
  decoder: Decoder,
  groups: readonly Group[],
  slots: readonly number[],
  temperature: number,
  stop: () => (id: number) => boolean,
): Promise<Sequence[]> {
  if (groups.length === 0) return [];
  const n = slots.length / groups.length;
  for (const [i, group] of groups.entries()) {
    group.answers = group.seeds.map((seed, k) => {
      return { slot: slots[i * n + k]!, random: createRandom(seed), stops: stop(), ids: [], logps: [], ended: false };
    });
  }
  const inputs = groups.map(({ prompt, answers }) => {
    return { slot: answers[0]!.slot, tokens: prompt, quantiles: answers.map(({ random }) => random.next()) };
  });
  const started = groups.flatMap(({ answers }) => answers);
  append(started, await decoder.draw(inputs, temperature));
  for (const { answers } of groups) for (const { slot } of answers.slice(1)) decoder.copy(answers[0]!.slot, slot);
  return started;
}

/** Adds a drawn token to each sequence. */
function append(sequences: readonly Sequence[], { ids, probabilities }: DrawnTokens): void {
  for (const [i, sequence] of sequences.entries()) {
    sequence.ids.push(ids[i]!);
    sequence.logps.push(Math.log(probabilities[i]!));
  }
}

function checkOptions({ n = 1, temperature = 1, maxNewTokens, atOnce = 256 }: SampleBatchOptions): void {
  for (const [name, value] of Object.entries({ n, maxNewTokens, atOnce })) {
    if (Number.isInteger(value) && value >= 1) continue;
    throw new UserError(`sample: ${name} must be a whole number from 1 on; found ${value}`);
  }
  if (temperature >= 0 && temperature < Number.POSITIVE_INFINITY) return;
  throw new UserError(`sample: temperature must be 0 (the most likely token every time) or more; found ${temperature}`);
}

function checkPrompts(
  { config }: DeepseekV3ForCausalLM,
  prompts: readonly (readonly number[])[],
  { maxNewTokens }: SampleBatchOptions,
): void {
  const room = config.maxPositionEmbeddings;
  for (const [i, { length }] of prompts.entries()) {
    if (length === 0) throw new UserError(`sample: prompt ${i + 1} has no tokens; give it at least one`);
    if (length + maxNewTokens - 1 <= room) continue;
    throw new UserError(
      `sample: prompt ${i + 1} has ${length} tokens, and with ${maxNewTokens} new ones it does not fit into the ` +
        `model's context of ${room}; ` +
        (length < room ? `ask for at most ${room - length + 1} new tokens` : 'shorten the prompt'),
    );
  }
}
