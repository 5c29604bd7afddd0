// `npm run bench:first-tokens`: the first 256 tokens that a fresh process writes, and the same after a
// warm-up, each time in a process of its own.
//
//   npm run bench:first-tokens -- --rounds 5 --size a --threads 2

import { parseArgs } from 'node:util';
import '../src/node.ts';
import { activateBackend } from '../src/backends/backends.ts';
import { median } from '../src/bench/timing.ts';
import { modelPreset } from '../src/config/presets.ts';
import { createTokenizer } from '../src/data/tokenizers/create-tokenizer.ts';
import { createGenerator } from '../src/generate/batch/batch-generator.ts';
import { generateSamples } from '../src/generate/batch/generate-samples.ts';
import { createDecoder } from '../src/generate/decoder/create-decoder.ts';
import { defaultSampling } from '../src/generate/sampling/sampling.ts';
import { DeepseekV3ForCausalLM } from '../src/model/causal-lm.ts';
import { parseRounds, runJson } from './child.ts';
import { describeMachine, writeResults } from './machine.ts';

const newTokens = 256;
/** Generations of a process; the first one is what is asked for, the last ones are warm. */
const [generations, warmGenerations] = [13, 5];

/** What is asked for. */
const bar = 7000;

/** Node has it from 23.9 on; the types are those of Node 20. */
const threadCpuUsage = Reflect.get(process, 'threadCpuUsage') as typeof process.cpuUsage;

interface Speed {
  /** New tokens over the time of the generation, prompt included. */
  readonly tokensPerSecond: number;
  /** Milliseconds of the calling thread: what a busy machine changes least. */
  readonly cpuMilliseconds: number;
}

interface ProcessResult {
  readonly first: Speed;
  /** The middle one of the last generations. */
  readonly warm: Speed;
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    size: { type: 'string', default: 'a' },
    threads: { type: 'string', default: '2' },
    child: { type: 'boolean', default: false },
  },
});

async function measureHere(): Promise<ProcessResult> {
  await activateBackend('engine', { threads: Number(values.threads) });
  const tokenizer = await createTokenizer('bytes', () => []);
  const model = new DeepseekV3ForCausalLM(modelPreset(`peer-${values.size}`), 0);
  const generator = createGenerator(createDecoder(model), { ...tokenizer, decodeBytes: () => new Uint8Array([97]) });
  const request = {
    promptIds: [1, 2, 3, 4, 5, 6, 7, 8],
    maxNewTokens: newTokens,
    sampling: { ...defaultSampling, temperature: 0 },
    stop: [],
    topLogprobs: null,
  };
  const speeds: Speed[] = [];
  for (let i = 0; i < generations; i++) {
    const [start, cpu] = [performance.now(), threadCpuUsage()];
    await generateSamples(generator, request);
    const { user, system } = threadCpuUsage(cpu);
    const tokensPerSecond = (1000 * newTokens) / (performance.now() - start);
    speeds.push({ tokensPerSecond, cpuMilliseconds: (user + system) / 1000 });
  }
  const warm = speeds.slice(-warmGenerations);
  return {
    first: speeds[0]!,
    warm: {
      tokensPerSecond: median(warm.map((speed) => speed.tokensPerSecond)),
      cpuMilliseconds: median(warm.map((speed) => speed.cpuMilliseconds)),
    },
  };
}

async function compare(): Promise<void> {
  const rounds = parseRounds(values.rounds);
  const { size, threads } = values;
  const results: ProcessResult[] = [];
  for (let round = 0; round < rounds; round++) {
    const child = [process.execPath, import.meta.filename, '--child', '--size', size, '--threads', threads] as const;
    const result = await runJson<ProcessResult>(child);
    if (result === null) throw new Error('tinyseek did not run');
    results.push(result);
  }
  const { processor, cores, node } = describeMachine();
  console.log(`${processor}, ${cores} cores, Node ${node}, peer-${size}, ${threads} threads, ${rounds} processes`);
  const middle = (when: 'first' | 'warm', what: keyof Speed) => median(results.map((result) => result[when][what]));
  for (const when of ['first', 'warm'] as const) {
    const [speed, cpu] = [middle(when, 'tokensPerSecond'), middle(when, 'cpuMilliseconds')];
    console.log(`${when.padEnd(5)} ${speed.toFixed(0)} tokens/s, ${cpu.toFixed(1)} ms of the calling thread`);
  }
  const speed = middle('first', 'tokensPerSecond');
  console.log(`${speed >= bar ? 'passes' : 'MISSES'} ${bar} tokens/s`);
  console.log(`\nWritten to ${writeResults('first-tokens', { rounds, size, threads: Number(threads), results })}`);
}

if (values.child) console.log(JSON.stringify(await measureHere()));
else await compare();
process.exit();
