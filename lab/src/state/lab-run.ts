// One run as the page knows it, in memory of a fixed size.

import { signal } from '@preact/signals';
import { RunView } from '../panels/run-view.ts';
import { ThinnedSeries } from '../parts/thinned-series.ts';
import type { Evaluation, RunEvent, RunFacts, RunRequest, StepRecord } from '../protocol.ts';
import { redraw } from './redraw.ts';

export type RunStatus = 'stored' | 'preparing' | 'going' | 'held' | 'done' | 'stopped' | 'failed';

const mostMessages = 20;
const mostEvaluations = 500;

export class LabRun {
  readonly request: RunRequest;
  readonly name: string;
  readonly status = signal<RunStatus>('preparing');
  readonly preparing = signal('');
  readonly facts = signal<RunFacts | null>(null);
  readonly last = signal<StepRecord | null>(null);
  readonly hasSteps = signal(false);
  readonly evaluations = signal<readonly Evaluation[]>([]);
  readonly messages = signal<readonly string[]>([]);
  readonly sample = signal<{ readonly step: number; readonly text: string } | null>(null);
  readonly savedStep = signal(0);
  readonly marks = signal<readonly number[]>([]);
  /** Whether its curves are drawn. */
  readonly isShown = signal(true);
  /** Counts up when there is something new to draw. */
  readonly version = signal(0);
  /** Loss of the main model, of the MTP depths, tokens a second. */
  readonly losses = new ThinnedSeries();
  readonly speeds = new ThinnedSeries();
  /** What the views of the model show. */
  readonly view = new RunView();

  constructor(request: RunRequest, name: string) {
    this.request = request;
    this.name = name;
  }

  hear(event: RunEvent): void {
    this.view.hear(event);
    switch (event.type) {
      case 'preparing':
        this.preparing.value = describeStage(event.stage, event.share);
        return;
      case 'started':
        this.facts.value = event.facts;
        return;
      case 'history':
        this.evaluations.value = event.evaluations;
        this.#add(event.steps);
        return;
      case 'steps':
        this.#add(event.steps);
        return;
      case 'evaluation':
        this.evaluations.value = [...this.evaluations.value, event.evaluation].slice(-mostEvaluations);
        redraw(this.version);
        return;
      case 'sample':
        this.sample.value = { step: event.step, text: event.prompt + event.text };
        return;
      case 'checkpoint':
        this.savedStep.value = event.step;
        return;
      case 'changed':
        this.marks.value = [...this.marks.value, event.step];
        return;
      case 'held':
      case 'going':
        this.status.value = event.type;
        return;
      case 'note':
        return;
      case 'warning':
        this.say(event.message);
        return;
      case 'ended':
        this.status.value = event.isFinished ? 'done' : 'stopped';
        return;
      case 'failed':
        this.status.value = 'failed';
        this.say(event.message);
        return;
    }
  }

  say(message: string): void {
    this.messages.value = [...this.messages.value, message].slice(-mostMessages);
  }

  #add(steps: readonly StepRecord[]): void {
    for (const record of steps) {
      this.losses.add(record.step, [record.loss, ...record.mtpLoss]);
      this.speeds.add(record.step, [record.tokensPerSecond]);
    }
    this.last.value = steps.at(-1) ?? this.last.value;
    this.hasSteps.value ||= steps.length > 0;
    redraw(this.version);
  }
}

function describeStage(stage: string, share: number | null): string {
  return share === null ? stage : `${stage}, ${Math.round(100 * share)} %`;
}
