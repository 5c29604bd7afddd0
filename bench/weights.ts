// `npm run bench:weights`: greedy decoding with weights in float32, in 16 and in 8 bits, which take turns in one
// process; and, with `--checkpoint`, how far log probabilities of held-out text are from those of float32.
//
//   npm run bench:weights -- --rounds 9 --size b --threads 2 --checkpoint runs/first

import { parseArgs } from 'node:util';
import '../src/node.ts';
import { activateBackend } from '../src/backends/backends.ts';
import { median } from '../src/bench/timing.ts';
import { modelPreset } from '../src/config/presets.ts';
import { loadBuiltIn } from '../src/data/corpora/built-in.ts';
import { weightFormats } from '../src/engine/weight-formats.ts';
import { tokenLogprobs } from '../src/generate/batch/token-logprobs.ts';
import { createDecoder } from '../src/generate/decoder/create-decoder.ts';
import type { Decoder } from '../src/generate/decoder/decoder.ts';
import { loadModel } from '../src/generate/load-model-folder.ts';
import { mostLikely } from '../src/generate/sampling/token-ranking.ts';
import { DeepseekV3ForCausalLM } from '../src/model/causal-lm.ts';
import { parseRounds } from './child.ts';
import { describeMachine, writeResults } from './machine.ts';

/** Tokens of a generation after a prompt of 8. */
const newTokens = 128;
/** Texts whose tokens are scored, from the end of the corpus, and their length. */
const [texts, textTokens] = [8, 256];

interface Cost {
  readonly tokensPerSecond: number;
  /** Milliseconds of all threads for a token: what a busy machine changes least. */
  readonly cpuMilliseconds: number;
}

async function generate(decoder: Decoder): Promise<Cost> {
  decoder.truncate(0, 0);
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  let tokens = [0, 1, 2, 3, 4, 5, 6, 7];
  for (let i = 0; i < newTokens; i++) {
    const [logits] = await decoder.forward([{ slot: 0, tokens, logits: 'last' }]);
    tokens = [mostLikely(logits!)];
  }
  const { user, system } = process.cpuUsage(cpu);
  const tokensPerSecond = (1000 * newTokens) / (performance.now() - start);
  return { tokensPerSecond, cpuMilliseconds: (user + system) / 1000 / newTokens };
}

/** Log probabilities of the tokens of texts, each given those before it. */
async function logprobsOf(decoder: Decoder, pieces: readonly (readonly number[])[]): Promise<number[]> {
  const { vocabSize: V } = decoder.config;
  const all: number[] = [];
  for (const tokens of pieces) {
    const [logits] = await decoder.forward([{ slot: 0, tokens, logits: 'all' }]);
    for (let i = 1; i < tokens.length; i++) {
      all.push(tokenLogprobs(logits!.subarray((i - 1) * V, i * V), tokens[i]!, 0).logprob);
    }
    decoder.truncate(0, 0);
  }
  return all;
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    size: { type: 'string', default: 'b' },
    threads: { type: 'string', default: '2' },
    checkpoint: { type: 'string' },
  },
});
const rounds = parseRounds(values.rounds);
const { threads, engineVariant } = await activateBackend('engine', { threads: Number(values.threads) });
const model = new DeepseekV3ForCausalLM(modelPreset(`peer-${values.size}`), 0);
const decoders = weightFormats.map((weights) => ({ weights, decoder: createDecoder(model, { weights }) }));
for (const { decoder } of decoders) await generate(decoder);
const costs: Cost[][] = decoders.map(() => []);
for (let round = 0; round < rounds; round++) {
  for (const [i, { decoder }] of decoders.entries()) costs[i]!.push(await generate(decoder));
}
const { processor, cores, node } = describeMachine();
console.log(
  `${processor}, ${cores} cores, Node ${node}, peer-${values.size}, ${threads} threads, ${rounds} rounds in turns`,
);
const formats = decoders.map(({ weights }, i) => {
  const middle = (pick: (cost: Cost) => number) => median(costs[i]!.map(pick));
  const found = {
    weights,
    tokensPerSecond: middle((cost) => cost.tokensPerSecond),
    cpuMilliseconds: middle((cost) => cost.cpuMilliseconds),
    // The middle of each round's own ratio to float32: a round is short, and what else runs changes slowly.
    speedup: median(costs[i]!.map((cost, round) => cost.tokensPerSecond / costs[0]![round]!.tokensPerSecond)),
    cpuRatio: median(costs[i]!.map((cost, round) => costs[0]![round]!.cpuMilliseconds / cost.cpuMilliseconds)),
  };
  console.log(
    `${weights.padEnd(9)} ${found.tokensPerSecond.toFixed(0)} tokens/s (${found.speedup.toFixed(2)}x), ` +
      `${found.cpuMilliseconds.toFixed(2)} ms of CPU a token (${found.cpuRatio.toFixed(2)}x less)`,
  );
  return { ...found, rounds: costs[i] };
});
for (const { decoder } of decoders) decoder.dispose();
model.dispose();

async function measureErrors(checkpoint: string) {
  const trained = loadModel(checkpoint);
  const { hiddenSize, numHiddenLayers } = trained.config;
  const ids = [...trained.tokenizer.encode(loadBuiltIn('moby-dick')!.join('').slice(-40_000))].slice(
    -texts * textTokens,
  );
  const pieces = Array.from({ length: texts }, (_, i) => ids.slice(i * textTokens, (i + 1) * textTokens));
  const [exact, ...others] = await Promise.all(
    weightFormats.map((weights) => logprobsOf(createDecoder(trained.model, { weights }), pieces)),
  );
  const loss = (logprobs: readonly number[]) => -logprobs.reduce((sum, x) => sum + x, 0) / logprobs.length;
  const errors = others.map((logprobs, i) => {
    const differences = logprobs.map((x, at) => Math.abs(x - exact![at]!));
    return {
      weights: weightFormats[i + 1],
      meanError: differences.reduce((sum, x) => sum + x, 0) / differences.length,
      maxError: Math.max(...differences),
      loss: loss(logprobs),
    };
  });
  for (const { weights, meanError, maxError, loss } of errors) {
    console.log(
      `${weights}: log probabilities off by ${meanError.toFixed(4)} in the mean, ${maxError.toFixed(3)} at most; loss ${loss.toFixed(4)}`,
    );
  }
  return { hiddenSize, numHiddenLayers, tokens: exact!.length, loss: loss(exact!), errors };
}

const errors = values.checkpoint === undefined ? null : await measureErrors(values.checkpoint);
const results = { rounds, threads, engineVariant, size: values.size, formats, trained: errors };
console.log(`\nWritten to ${writeResults('weights', results)}`);
process.exit();
