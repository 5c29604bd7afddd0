// A run in a folder: `run.json`, `metrics.jsonl`, `samples.jsonl`, `tensorboard/` and `checkpoints/step-XXXXXXXX`, each
// of which is a Hugging Face model folder. `run.lock` is there while a process trains.

import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { UserError } from '../errors.ts';
import type { CheckpointContents } from '../io/checkpoint.ts';
import { checkpointName } from '../io/checkpoint-names.ts';
import { explainFsErrors } from '../io/file-system.ts';
import { readJsonFile } from '../io/json-file.ts';
import { latestCheckpoint, readCheckpoint } from '../io/read-checkpoint.ts';
import { lockRun } from '../io/run-lock.ts';
import { writeCheckpoint } from '../io/write-checkpoint.ts';
import { openFolderLog } from './folder-log.ts';
import type { RunStore } from './run-store.ts';

const RUN_FILE = 'run.json';

/** The folder `runDir`, which need not exist yet, as the store of a run. */
export function folderStore(runDir: string): RunStore {
  const checkpoints = join(runDir, 'checkpoints');
  const settings = join(runDir, RUN_FILE);
  return {
    path: runDir,
    name: basename(resolve(runDir)),
    refuseUsed: async () => refuseUsedFolder(runDir),
    claim: async () => {
      const unlock = lockRun(runDir);
      return async () => unlock();
    },
    readSettings: async () => readJsonFile(settings, 'run'),
    writeSettings: async (values) => writeWhole(settings, `${JSON.stringify(values, null, 2)}\n`),
    openLog: async (step) => openFolderLog(runDir, step),
    saveCheckpoint: async (step: number, contents: CheckpointContents, keep: number) => {
      const path = join(checkpoints, checkpointName(step));
      writeCheckpoint(path, contents, { keep });
      return path;
    },
    latestCheckpoint: async () => latestCheckpoint(checkpoints),
    openCheckpoint: async (path) => readCheckpoint(path),
  };
}

/** Writes a file in one step: it is whole or not there. */
function writeWhole(path: string, text: string): void {
  explainFsErrors('run: cannot write', path, () => {
    writeFileSync(`${path}.tmp`, text);
    renameSync(`${path}.tmp`, path);
  });
}

/** The lock of this or another process does not count, nor does a `run.json` that was never finished. */
function refuseUsedFolder(runDir: string): void {
  if (!existsSync(runDir)) return;
  const found = readdirSync(runDir).filter((name) => !name.startsWith('run.lock') && name !== `${RUN_FILE}.tmp`);
  if (found.length === 0) return;
  const fix = found.includes(RUN_FILE)
    ? 'carry it on with --resume, or choose another folder'
    : 'choose another folder';
  throw new UserError(`run: ${runDir} is not empty (it has ${found[0]}); ${fix}`);
}
