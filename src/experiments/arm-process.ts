// Entry of the process that trains one arm with one seed; started by `run-jobs.ts`, told by IPC when to stop.

import '../node.ts';
import { UserError } from '../errors.ts';
import type { TrainEvent } from '../train/events.ts';
import { type ArmMessage, type ArmOrder, stopMessage } from './arm-protocol.ts';
import { loadStudy } from './load-study.ts';
import { runArm } from './run-arm.ts';

const millisecondsBetweenSteps = 200;

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
    if (now - toldAt < millisecondsBetweenSteps && event.step < event.steps) return;
    toldAt = now;
    void tell({ type: 'step', step: event.step, loss: event.loss, secondsLeft: event.secondsLeft });
  };
}

async function carryOut(order: ArmOrder, signal: AbortSignal): Promise<ArmMessage> {
  try {
    const { study } = await loadStudy(order.source);
    const arm = study.arms.find(({ name }) => name === order.arm);
    if (arm === undefined) throw new UserError(`study: ${order.source} has no arm ${order.arm} any more`);
    const { size, seed, runDir } = order;
    return {
      type: 'end',
      finished: await runArm({ study, arm, size, seed, runDir, signal, onEvent: progressTeller() }),
    };
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
