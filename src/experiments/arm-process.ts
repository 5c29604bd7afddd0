// Entry of the process that carries out one arm with one seed; started by `run-jobs.ts`, told by IPC when to stop.

import '../node.ts';
import { UserError } from '../errors.ts';
import type { TrainEvent } from '../train/events.ts';
import { type ArmMessage, type ArmOrder, stopMessage } from './arm-protocol.ts';
import { loadStudy } from './load-study.ts';
import { preparation } from './plan.ts';
import type { ArmWork } from './procedure.ts';
import { runArm } from './run-arm.ts';
import { runProcedure } from './run-procedure.ts';
import { armSettings } from './settings.ts';
import type { Arm, Study } from './study.ts';

const millisecondsBetweenTellings = 200;

function tell(message: ArmMessage): Promise<void> {
  return new Promise((done) => process.send?.(message, () => done()));
}

/** A listener that passes on the events of a few steps a second, and of the last step. */
function progressTeller(): (event: TrainEvent) => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  return (event) => {
    if (event.type === 'warning') void tell({ type: 'warning', message: event.message });
    if (event.type !== 'step') return;
    const now = performance.now();
    if (now - toldAt < millisecondsBetweenTellings && event.step < event.steps) return;
    toldAt = now;
    void tell({ type: 'step', step: event.step, loss: event.loss, secondsLeft: event.secondsLeft });
  };
}

/** What a procedure is told; it passes on how far it is a few times a second. */
function workOf(study: Study, arm: Arm, order: ArmOrder, signal: AbortSignal): ArmWork {
  const { size, seed, runDir, sharedDir } = order;
  const { model, train, procedure } = armSettings(study, arm, size, seed);
  let toldAt = Number.NEGATIVE_INFINITY;
  return {
    ...{ arm, seed, model, train, settings: procedure, dir: runDir, sharedDir, signal },
    progress: (share, doing) => {
      const now = performance.now();
      if (now - toldAt < millisecondsBetweenTellings) return;
      toldAt = now;
      void tell({ type: 'progress', share, doing });
    },
    warn: (message) => void tell({ type: 'warning', message }),
  };
}

function armOf(study: Study, { arm: name, source }: ArmOrder): Arm {
  if (name === null) return preparation;
  const arm = study.arms.find((candidate) => candidate.name === name);
  if (arm === undefined) throw new UserError(`study: ${source} has no arm ${name} any more`);
  return arm;
}

async function runOrder(order: ArmOrder, signal: AbortSignal): Promise<boolean> {
  const { study } = await loadStudy(order.source);
  const arm = armOf(study, order);
  const procedure = order.arm === null ? study.prepare : study.procedure;
  if (procedure !== undefined) return runProcedure(procedure, workOf(study, arm, order, signal));
  const { size, seed, runDir } = order;
  return runArm({ study, arm, size, seed, runDir, signal, onEvent: progressTeller() });
}

async function carryOut(order: ArmOrder, signal: AbortSignal): Promise<ArmMessage> {
  try {
    return { type: 'end', finished: await runOrder(order, signal) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (process.env.DEBUG === '1') console.error(error);
    return { type: 'failed', message, isUserError: error instanceof UserError };
  }
}

const abort = new AbortController();
process.on('message', (message) => {
  if (message === stopMessage) abort.abort();
});
// The terminal sends Ctrl-C to all processes; the parent process decides what this one does about it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
// Nobody is left to listen: the run goes on from its last checkpoint when the study does.
process.on('disconnect', () => process.exit(1));

const order: ArmOrder = JSON.parse(process.argv[2] ?? '{}');
await tell(await carryOut(order, abort.signal));
process.exit(0);
