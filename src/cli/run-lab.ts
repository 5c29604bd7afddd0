// The lab's server, until Ctrl-C. Everything it says goes to standard error.

import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { UserError } from '../errors.ts';
import { type OfferedModel, siteIndex, startLabServer } from '../lab/lab-server.ts';
import { exitInterrupted, onInterrupt } from './interrupt.ts';
import { checkpointFolder } from './open-model.ts';
import { print } from './terminal/print.ts';

function offer(run: string): OfferedModel {
  const folder = checkpointFolder(run);
  for (const file of ['config.json', 'model.safetensors', 'tokenizer.json']) {
    if (existsSync(resolve(folder, file))) continue;
    throw new UserError(`lab: ${folder} has no ${file}; name a run, a checkpoint or a model folder in one file`);
  }
  return { name: basename(resolve(run)), folder };
}

/** Serves the lab until it is interrupted. */
export async function runLab(runs: readonly string[], port: number): Promise<void> {
  if (!existsSync(siteIndex)) throw new UserError('lab: the page is not built; run npm run build');
  const models = runs.map(offer);
  const server = await startLabServer(port, models);
  print(process.stderr, [`The lab is at ${server.url}`, 'Open it and press Train. Ctrl-C stops.']);
  await new Promise<void>((done) => {
    onInterrupt(process, { first: done, second: () => process.exit(exitInterrupted) });
  });
  await server.close();
}
