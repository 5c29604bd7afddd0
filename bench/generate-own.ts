// Decoding here, in a process of its own: `bench/generate.ts` starts it. One line of JSON.
//
// The presets have random weights and no end of text, so every generation has the same length.

import { parseArgs } from 'node:util';
import '../src/node.ts';
import { activateBackend } from '../src/backends/backends.ts';
import { median } from '../src/bench/timing.ts';
import { modelPreset } from '../src/config/presets.ts';
import { createDecoder } from '../src/generate/decoder/create-decoder.ts';
import type { Decoder } from '../src/generate/decoder/decoder.ts';
import { DeepseekV3ForCausalLM } from '../src/model/causal-lm.ts';
import { generations, newTokens, type OwnResult, promptLength, warmUps } from './generate-protocol.ts';

/** Tokens in the sequence when a pass is timed, and how many passes are. */
const context = 128;
const passes = 301;

function mostLikely(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  return best;
}

/** Seconds of a greedy generation, prompt included. */
async function generate(decoder: Decoder): Promise<number> {
  decoder.truncate(0, 0);
  const start = performance.now();
  let tokens = Array.from({ length: promptLength }, (_, i) => i);
  for (let i = 0; i < newTokens; i++) {
    const [logits] = await decoder.forward([{ slot: 0, tokens, logits: 'last' }]);
    tokens = [mostLikely(logits!)];
  }
  return (performance.now() - start) / 1000;
}

/** Microseconds of `run`, in the middle of many, each after `prepare`. */
async function time(prepare: () => Promise<unknown>, run: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < passes; i++) {
    await prepare();
    const start = performance.now();
    await run();
    times.push((performance.now() - start) * 1000);
  }
  return median(times);
}

/** What a pass of so many tokens takes, and what a draft does. */
async function timePasses(
  decoder: Decoder,
  V: number,
): Promise<Pick<OwnResult, 'passMicroseconds' | 'draftMicroseconds'>> {
  const tokens = Array.from({ length: context + 4 }, (_, i) => (97 * i) % V);
  const forward = (count: number) =>
    decoder.forward([{ slot: 0, tokens: tokens.slice(context, context + count), logits: 'all' }]);
  const draft = () => decoder.draft([{ slot: 0, token: tokens[decoder.length(0)]! }]);
  await decoder.forward([{ slot: 0, tokens: tokens.slice(0, context), logits: 'last' }]);
  // As in speculative decoding: a token is drafted from, and run with what was drafted.
  const afterPassOf = (count: number) => async () => {
    decoder.truncate(0, context);
    await draft();
    await forward(count);
  };
  const afterDraft = async () => {
    await afterPassOf(1)();
    await draft();
  };
  const back = async () => decoder.truncate(0, context);
  const passMicroseconds: number[] = [];
  for (const count of [1, 2, 3, 4]) passMicroseconds.push(await time(back, () => forward(count)));
  const draftMicroseconds = {
    afterOneToken: await time(afterPassOf(1), draft),
    afterTwoTokens: await time(afterPassOf(2), draft),
    recycled: await time(afterDraft, draft),
  };
  return { passMicroseconds, draftMicroseconds };
}

const { values } = parseArgs({ options: { preset: { type: 'string' }, threads: { type: 'string' } } });
const config = { ...modelPreset(values.preset ?? 'peer-a'), numNextnPredictLayers: 1 };
const active = await activateBackend('engine', { threads: Number(values.threads ?? 2) });
const model = new DeepseekV3ForCausalLM(config, 0);
const plain = createDecoder(model);
for (let i = 0; i < warmUps; i++) await generate(plain);
const seconds: number[] = [];
for (let i = 0; i < generations; i++) seconds.push(await generate(plain));
const result: OwnResult = {
  tokensPerSecond: newTokens / median(seconds),
  threads: active.threads,
  engineVariant: active.engineVariant,
  cacheBytesPerTokenAndLayer: plain.cacheBytes / plain.length(0) / config.numHiddenLayers,
  ...(await timePasses(createDecoder(model, { drafts: true }), config.vocabSize)),
};
console.log(JSON.stringify(result));
process.exit();
