// Train, pause, step, rewind; where the run stands and what computes it.

import { current, pause, play, rewind, startRun, step } from '../state/lab.ts';
import type { RunFacts } from '../protocol.ts';
import type { LabRun } from '../state/lab-run.ts';
import { resolved } from '../state/settings.ts';

const number = new Intl.NumberFormat('en-GB');

export function Transport() {
  const run = current.value;
  const status = run?.status.value;
  const isGoing = status === 'going';
  const canPlay = ['held', 'stored', 'stopped', 'failed'].includes(status ?? '');
  return (
    <section class="transport" aria-label="Training">
      <div class="buttons">
        {run === null || status === 'done' ? (
          <button
            type="button"
            class="primary"
            disabled={resolved.value.config === null}
            onClick={() => void startRun()}
          >
            Train
          </button>
        ) : isGoing ? (
          <button type="button" class="primary" onClick={pause}>
            Pause
          </button>
        ) : (
          // It keeps the focus while it can do nothing.
          <button type="button" class="primary" aria-disabled={!canPlay} onClick={() => void play()}>
            {canPlay ? 'Train' : 'Preparing'}
          </button>
        )}
        <button type="button" disabled={status !== 'held'} onClick={step}>
          Step
        </button>
        <button type="button" disabled={run === null || status === 'preparing'} onClick={() => void rewind()}>
          Rewind
        </button>
        {run !== null && (
          <button type="button" disabled={resolved.value.config === null} onClick={() => void startRun()}>
            New run
          </button>
        )}
      </div>
      {run !== null && <Progress run={run} />}
      <Computer />
    </section>
  );
}

function Progress({ run }: { readonly run: LabRun }) {
  const facts = run.facts.value;
  const last = run.last.value;
  if (facts === null) {
    return <p class="status">{run.status.value === 'failed' ? 'Failed' : `Preparing: ${run.preparing.value}`}</p>;
  }
  const done = last?.step ?? facts.startStep;
  return (
    <div class="status">
      <progress max={facts.steps} value={done} aria-label="Steps done" />
      <dl>
        <Fact name="Step" value={`${done} of ${facts.steps}`} testId="step" />
        <Fact name="Loss" value={last === null ? '–' : last.loss.toFixed(3)} />
        <Fact name="Tokens a second" value={last === null ? '–' : number.format(Math.round(last.tokensPerSecond))} />
        <Fact name="Left" value={last === null ? '–' : duration(last.secondsLeft)} />
        <Fact name="State" value={states[run.status.value]} testId="state" />
      </dl>
    </div>
  );
}

const states = {
  ...{ stored: 'stored', preparing: 'preparing', going: 'training', held: 'paused' },
  ...{ done: 'done', stopped: 'stopped', failed: 'failed' },
};

export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function Fact({ name, value, testId }: { readonly name: string; readonly value: string; readonly testId?: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd data-testid={testId}>{value}</dd>
    </div>
  );
}

function describeBackend({ backend, engineVariant, device, threads }: RunFacts): string {
  if (device !== null) return `${backend}, on ${device}`;
  const variant = engineVariant === null ? '' : ` ${engineVariant}`;
  return `${backend}${variant}, ${threads ?? 1} ${(threads ?? 1) === 1 ? 'thread' : 'threads'}, on the processor`;
}

/** What computes, in plain sight. */
function Computer() {
  const facts = current.value?.facts.value;
  const where = facts == null ? `${navigator.hardwareConcurrency} cores here` : describeBackend(facts);
  return (
    <p class="computer">
      <span>{where}</span>
      {!crossOriginIsolated && (
        <span>
          One thread: this server does not isolate the page. <code>npx tinyseek lab</code> serves it with threads.
        </span>
      )}
    </p>
  );
}
