// Carries out the procedure of a study for one arm and one seed, or what is prepared for all arms of a seed, and writes
// down what it found.

import { mkdirSync } from 'node:fs';
import { activateBackend } from '../backends/backends.ts';
import { version } from '../version.ts';
import { writeMeasured } from './measured-file.ts';
import type { ArmWork, Procedure } from './procedure.ts';
import { writeProcedure } from './procedure-file.ts';
import { oneThread } from './stage.ts';

/** True when the procedure was finished, false when `signal` ended it. */
export async function runProcedure(procedure: Procedure, work: ArmWork): Promise<boolean> {
  const { name: backend } = await activateBackend('auto', oneThread);
  mkdirSync(work.dir, { recursive: true });
  const started = performance.now();
  try {
    const { measured, curves = {} } = await procedure(work);
    writeProcedure(work.dir, { version, backend, curves });
    // Of a run that was stopped in between, the time since then.
    writeMeasured(work.dir, { seconds: (performance.now() - started) / 1000, ...measured });
    return true;
  } catch (error) {
    if (work.signal.aborted) return false;
    throw error;
  }
}
