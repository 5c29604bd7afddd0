// Runs every example as a reader would, one after the other, and fails if one does.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const examples = readdirSync('examples')
  .filter((name) => name.endsWith('.ts'))
  .sort();
for (const name of examples) {
  const start = performance.now();
  const { status } = spawnSync(process.execPath, [`examples/${name}`], { stdio: 'inherit' });
  console.log(`-- ${name}: ${status === 0 ? 'ok' : 'FAILED'}, ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
  if (status !== 0) process.exitCode = 1;
}
