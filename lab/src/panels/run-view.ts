// What the panels of this folder know of a run: everything that its events said, in memory of a fixed size.

import { signal } from '@preact/signals';
import type { EvalResult, LiveSettings } from 'tinyseek/core';
import { RouterHistory } from 'tinyseek/more';
import { ThinnedSeries } from '../parts/thinned-series.ts';
import type { RunEvent, RunFacts, StepRecord } from '../protocol.ts';
import type { Answer, Question } from '../questions.ts';
import { redraw } from '../state/redraw.ts';

/** A change of the settings, which every chart marks. */
export interface Mark {
  /** Steps done when it was made. */
  readonly step: number;
  readonly text: string;
}

/**
 * Asks the worker about the model. `onAnswer` gets each part; a refusal comes as an error of the promise, which is
 * fulfilled with the last part. The signal ends an answer early.
 */
export type Ask = <K extends Question['kind']>(
  question: Extract<Question, { readonly kind: K }>,
  onAnswer?: (answer: Extract<Answer, { readonly kind: K }>) => void,
  signal?: AbortSignal,
) => Promise<Extract<Answer, { readonly kind: K }>>;

/** One run, as far as it was told. */
export class RunView {
  readonly facts = signal<RunFacts | null>(null);
  /** Counts up when there is something new to draw. */
  readonly version = signal(0);
  readonly step = signal(0);
  readonly history = new RouterHistory();
  /** The loss of the main model and of each MTP depth. */
  readonly losses = new ThinnedSeries();
  readonly marks = signal<readonly Mark[]>([]);
  readonly domains = signal<EvalResult['domains']>([]);
  /** MaxVio over all held-out text, after the last evaluation; null before the first. */
  readonly maxVioGlobal = signal<number | null>(null);
  /** The values that can be changed while the run goes on. */
  readonly settings = signal<LiveSettings>({});

  /** Takes an event of the run. */
  hear(event: RunEvent): void {
    switch (event.type) {
      case 'started':
        this.facts.value = event.facts;
        this.step.value = event.facts.startStep;
        this.settings.value = liveSettingsOf(event.facts);
        this.#isNew();
        return;
      case 'history':
      case 'steps':
        for (const record of event.steps) this.#add(record);
        this.#isNew();
        return;
      case 'evaluation':
        this.domains.value = event.domains;
        this.maxVioGlobal.value = event.evaluation.maxVioGlobal;
        this.#isNew();
        return;
      case 'changed':
        this.settings.value = { ...this.settings.value, ...event.settings };
        this.marks.value = [...this.marks.value, { step: event.step, text: describeChange(event.settings) }];
        this.#isNew();
        return;
    }
  }

  #add({ step, loss, mtpLoss, load }: StepRecord): void {
    if (step <= this.step.value) this.marks.value = this.marks.value.filter((mark) => mark.step < step);
    this.step.value = step;
    this.history.add(step, load);
    this.losses.add(step, [loss, ...mtpLoss]);
  }

  #isNew(): void {
    redraw(this.version);
  }
}

function liveSettingsOf({ model, train }: RunFacts): LiveSettings {
  const { balancing, expertBiasUpdateSpeed, balanceLossFactor } = train;
  return { balancing, expertBiasUpdateSpeed, balanceLossFactor, topkGroup: model.topkGroup };
}

/** A few words for a mark: `gamma 0.01, 2 groups`. */
export function describeChange(settings: LiveSettings): string {
  const { balancing, expertBiasUpdateSpeed, balanceLossFactor, topkGroup } = settings;
  return [
    balancing === undefined ? [] : [balancing === 'bias' ? 'balanced by bias' : `balancing: ${balancing}`],
    expertBiasUpdateSpeed === undefined ? [] : [`gamma ${expertBiasUpdateSpeed}`],
    balanceLossFactor === undefined ? [] : [`alpha ${balanceLossFactor}`],
    topkGroup === undefined ? [] : [`${topkGroup} ${topkGroup === 1 ? 'group' : 'groups'} a token`],
  ]
    .flat()
    .join(', ');
}

/** All changes in words, for who cannot see the marks; empty where there are none. */
export function marksText(marks: readonly Mark[]): string {
  if (marks.length === 0) return '';
  return `Changes: ${marks.map(({ step, text }) => `step ${step}, ${text}`).join('; ')}.`;
}
