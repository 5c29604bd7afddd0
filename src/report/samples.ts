// What the model wrote before, midway and after training.

import { type Html, html } from './html.ts';
import { spread } from './points.ts';
import type { RunData, Sample } from './run-data.ts';

const MOMENTS = ['Before', 'Midway', 'After'] as const;

/** The first, a middle and the last sample side by side; null without samples. */
export function renderSamples({ samples }: RunData): Html | null {
  if (samples.length === 0) return null;
  const shown = spread(samples, MOMENTS.length);
  const cards = shown.map((sample, i) => card(sample, shown.length === MOMENTS.length ? (MOMENTS[i] ?? '') : ''));
  return html`<div class="samples">${cards}</div>`;
}

function card({ step, prompt, text }: Sample, moment: string): Html {
  const title = moment === '' ? `Step ${step}` : `${moment}: step ${step}`;
  return html`<article class="card"><h3>${title}</h3><p class="text"><b>${prompt}</b>${text}</p></article>`;
}
