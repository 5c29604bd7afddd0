// Whether runs on WebGPU come to the same bits: twice 300 steps of `tiny`, one of them interrupted and resumed, and the
// losses beside the engine's. `npm run bench:webgpu:bits`; it needs `npm install --no-save webgpu` and a GPU.

import { createHash } from 'node:crypto';
import '../src/node.ts';
import type { BackendName } from '../src/backends/backend-names.ts';
import { modelPreset, trainPreset } from '../src/config/presets.ts';
import { type MemoryStore, memoryStore } from '../src/runs/memory-store.ts';
import { mean } from '../src/train/metrics.ts';
import { resumeRun, train } from '../src/train/trainer.ts';

const steps = Number(process.argv[2] ?? 300);
const settings = { ...trainPreset('tiny'), steps, evalEvery: 0, checkpointEvery: 0, sampleTokens: 0 };

interface Finished {
  readonly losses: readonly number[];
  readonly weights: string;
}

/** A run, which is interrupted and resumed after half of its steps if `isResumed`. */
async function run(backend: BackendName, isResumed = false): Promise<Finished> {
  const store = memoryStore();
  const controller = new AbortController();
  const onEvent = (event: { readonly type: string; readonly step?: number }) => {
    if (isResumed && event.type === 'step' && event.step === Math.floor(steps / 2)) controller.abort();
  };
  await train({ model: modelPreset('tiny'), train: settings, backend, store, onEvent, signal: controller.signal });
  if (isResumed) await resumeRun({ store });
  return { losses: lossesOf(store), weights: lastWeights(store) };
}

function lossesOf({ files }: MemoryStore): number[] {
  const lines = new TextDecoder().decode(files.get('metrics.jsonl')).trimEnd().split('\n');
  return lines.flatMap((line) => Reflect.get(JSON.parse(line), 'train/loss') ?? []);
}

function lastWeights({ files }: MemoryStore): string {
  const path = [...files.keys()]
    .filter((key) => key.endsWith('model.safetensors'))
    .sort()
    .at(-1)!;
  return createHash('sha256').update(files.get(path)!).digest('hex');
}

const same = (a: Finished, b: Finished) =>
  a.weights === b.weights && a.losses.length === b.losses.length && a.losses.every((loss, i) => loss === b.losses[i]);
const meanOfLast30 = ({ losses }: Finished) => mean(losses.slice(-30));

const [first, again, resumed] = [await run('webgpu'), await run('webgpu'), await run('webgpu', true)];
console.log(`${steps} steps of tiny twice: ${same(first, again) ? 'the same bits' : 'DIFFERENT BITS'}`);
console.log(`interrupted and resumed: ${same(first, resumed) ? 'the same bits' : 'DIFFERENT BITS'}`);
const engine = await run('engine');
const apart = first.losses.slice(0, 10).map((loss, i) => Math.abs(loss - engine.losses[i]!) / engine.losses[i]!);
console.log(`first ten losses: within ${Math.max(...apart).toExponential(1)} of the engine's, relative`);
const [onGpu, onEngine] = [meanOfLast30(first), meanOfLast30(engine)].map((loss) => loss.toFixed(4));
console.log(`mean of the last 30 losses: ${onGpu}, on the engine ${onEngine}`);
process.exit(same(first, again) && same(first, resumed) ? 0 : 1);
