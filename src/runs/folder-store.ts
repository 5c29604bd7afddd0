// A run in a folder: `run.json`, `metrics.jsonl`, `samples.jsonl`, `tensorboard/` and `checkpoints/step-XXXXXXXX`, each
// of which is a Hugging Face model folder. `run.lock` is there while a process trains.

import { basename, join, resolve } from 'node:path';
import { UserError } from '../errors.ts';
import type { CheckpointContents } from '../io/checkpoint.ts';
import { checkpointName } from '../io/checkpoint-names.ts';
import { hasFile, refuseLinks } from '../io/inside-folder.ts';
import { readJsonFile, writeJsonFile } from '../io/json-file.ts';
import { latestCheckpoint, readCheckpoint } from '../io/read-checkpoint.ts';
import { lockRun } from '../io/run-lock.ts';
import { refuseUsedFolder } from '../io/used-folder.ts';
import { writeCheckpoint } from '../io/write-checkpoint.ts';
import { openFolderLog } from './folder-log.ts';
import type { RunStore } from './run-store.ts';

const runFile = 'run.json';

/** What training writes into. */
const written = [runFile, 'metrics.jsonl', 'samples.jsonl', 'tensorboard', 'checkpoints'];

/** The folder `runDir`, which need not exist yet, as the store of a run. */
export function folderStore(runDir: string): RunStore {
  const checkpoints = join(runDir, 'checkpoints');
  const settings = join(runDir, runFile);
  return {
    path: runDir,
    name: basename(resolve(runDir)),
    refuseUsed: async () => refuseUsedFolder(runDir, 'run', runFile, howToGoOn),
    claim: async () => {
      refuseLinks(runDir, written, 'run');
      const unlock = lockRun(runDir);
      return async () => unlock();
    },
    readSettings: async () => readJsonFile(runDir, runFile, 'run'),
    writeSettings: async (values) => writeJsonFile(settings, values, 'run'),
    openLog: async (step) => openFolderLog(runDir, step),
    saveCheckpoint: async (step: number, contents: CheckpointContents, keep: number) => {
      if (!hasFile(runDir, runFile)) {
        throw new UserError(`run: ${runDir} was moved or deleted while the run was writing it; start the run again`);
      }
      const path = join(checkpoints, checkpointName(step));
      writeCheckpoint(path, contents, { keep });
      return path;
    },
    latestCheckpoint: async () => latestCheckpoint(checkpoints),
    openCheckpoint: async (path) => readCheckpoint(path),
  };
}

/** What to do about a folder that is not empty. */
function howToGoOn(found: readonly string[]): string {
  return found.includes(runFile) ? '; carry it on with --resume, or choose another folder' : '; choose another folder';
}
