// `npm run bench:prefill`: a prompt read by a decoder against one full forward pass of the model over it, in turns.
//
//   npm run bench:prefill -- --rounds 15 --size a --threads 1

import { parseArgs } from 'node:util';
import '../src/node.ts';
import { activateBackend } from '../src/backends/backends.ts';
import { median } from '../src/bench/timing.ts';
import { modelPreset } from '../src/config/presets.ts';
import { createDecoder } from '../src/generate/decoder/create-decoder.ts';
import { DeepseekV3ForCausalLM } from '../src/model/causal-lm.ts';
import { tf } from '../src/tensor/tf.ts';
import { parseRounds } from './child.ts';
import { describeMachine, writeResults } from './machine.ts';

const lengths = [256, 512, 1024, 2048];

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    size: { type: 'string', default: 'a' },
    threads: { type: 'string', default: '2' },
  },
});
const rounds = parseRounds(values.rounds);
const config = { ...modelPreset(`peer-${values.size}`), maxPositionEmbeddings: Math.max(...lengths) };
const { threads } = await activateBackend('engine', { threads: Number(values.threads) });
const model = new DeepseekV3ForCausalLM(config, 0);
const decoder = createDecoder(model);

/** Milliseconds by the clock, and of all threads of the process. */
interface Cost {
  readonly milliseconds: number;
  readonly cpuMilliseconds: number;
}

async function time(run: () => Promise<void> | void): Promise<Cost> {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  await run();
  const { user, system } = process.cpuUsage(cpu);
  return { milliseconds: performance.now() - start, cpuMilliseconds: (user + system) / 1000 };
}

/** Logits after every token, as the model gives them. */
function runModel(ids: number[]): void {
  const logits = tf.tidy(() => model.logits(tf.tensor2d([ids], undefined, 'int32')));
  logits.dataSync();
  logits.dispose();
}

async function readPrompt(tokens: number[]): Promise<void> {
  decoder.truncate(0, 0);
  await decoder.forward([{ slot: 0, tokens, logits: 'last' }]);
}

const { processor, cores, node } = describeMachine();
console.log(
  `${processor}, ${cores} cores, Node ${node}, peer-${values.size}, ${threads} threads, ${rounds} rounds in turns`,
);
const results = [];
for (const tokens of lengths) {
  const ids = Array.from({ length: tokens }, (_, i) => (97 * i) % config.vocabSize);
  for (let i = 0; i < 5; i++) {
    runModel(ids);
    await readPrompt(ids);
  }
  const pairs: { full: Cost; decoder: Cost }[] = [];
  for (let i = 0; i < rounds; i++) {
    pairs.push({ full: await time(() => runModel(ids)), decoder: await time(() => readPrompt(ids)) });
  }
  const ratio = (what: keyof Cost) => median(pairs.map((pair) => pair.decoder[what] / pair.full[what]));
  const found = { tokens, timeRatio: ratio('milliseconds'), cpuRatio: ratio('cpuMilliseconds') };
  results.push({ ...found, pairs });
  console.log(
    `${tokens} tokens: the decoder takes ${found.timeRatio.toFixed(2)} of the time of a full pass, ${found.cpuRatio.toFixed(2)} of its CPU time`,
  );
}
console.log(`\nWritten to ${writeResults('prefill', { rounds, size: values.size, threads, results })}`);
process.exit();
