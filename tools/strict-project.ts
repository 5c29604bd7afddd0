// The package in a project of a strict user: its types compile where those of libraries are checked too, for Node and
// for a page, under both ways of resolving modules, and both entries run.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withInstalledPackage } from './install-package.ts';

const { devDependencies } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'));

const program = (entry: string) => `
import { type DeepseekV3ForCausalLM, memoryStore, modelPreset, type TrainEvent, tf, train, trainPreset } from '${entry}';

export async function lossOf(model: DeepseekV3ForCausalLM, ids: tf.Tensor2D): Promise<number> {
  const logits: tf.Tensor3D = model.logits(ids);
  return (await logits.mean().add(tf.scalar(0)).data())[0]!;
}

const losses: number[] = [];
await train({
  model: { ...modelPreset('tiny'), hiddenSize: 32, numHiddenLayers: 2, nRoutedExperts: 8, moeIntermediateSize: 16 },
  train: { ...trainPreset('tiny'), tokenizer: 'bytes', steps: 2, batchSize: 1, seqLen: 16, sampleTokens: 0 },
  documents: Array.from({ length: 40 }, (_, i) => \`Call me Ishmael, for the \${i}th time.\`),
  backend: 'auto',
  store: memoryStore(),
  onEvent: (event: TrainEvent) => void (event.type === 'step' && losses.push(event.loss)),
});
if (losses.length !== 2 || !losses.every(Number.isFinite)) throw new Error(\`losses: \${losses}\`);
`;

const surroundings = {
  Node: { lib: ['ES2023'], types: ['node'] },
  'a page': { lib: ['ES2023', 'DOM', 'DOM.Iterable'], types: [] },
};
const resolutions = {
  nodenext: { module: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
};
const strict = {
  ...{ strict: true, skipLibCheck: false, noUncheckedIndexedAccess: true },
  ...{ target: 'es2023', outDir: 'out', rootDir: '.' },
};

/** Runs a command; what it printed is shown where it fails. */
function check(what: string, folder: string, ...args: string[]): void {
  try {
    execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    console.log(`${what}: ok`);
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    console.log(`${what}: FAILED\n${stdout}${stderr}`);
    process.exitCode = 1;
  }
}

const others = ['typescript', '@types/node'].map((name) => `${name}@${devDependencies[name]}`);
await withInstalledPackage(others, (folder) => {
  const files = { 'whole.ts': program('tinyseek'), 'core.ts': program('tinyseek/core') };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  for (const [resolution, options] of Object.entries(resolutions)) {
    for (const [where, environment] of Object.entries(surroundings)) {
      const compilerOptions = { ...strict, ...options, ...environment };
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: Object.keys(files) }));
      check(`types, ${resolution}, for ${where}`, folder, 'node_modules/typescript/bin/tsc');
    }
  }
  for (const name of Object.keys(files)) check(`${name} in Node`, folder, join('out', name.replace('.ts', '.js')));
});
