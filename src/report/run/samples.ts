// What the model wrote before, midway and after training.

import { spread } from '../charts/points.ts';
import { type Html, html } from '../html.ts';
import type { RunData, Sample } from '../run-data.ts';

/** Before, midway and after. */
const maxSamples = 3;

/** The first, a middle and the last sample side by side; null without samples. */
export function renderSamples({ samples, settings }: RunData): Html | null {
  if (samples.length === 0) return null;
  const cards = spread(samples, maxSamples).map((sample) => card(sample, settings.train.steps));
  return html`<div class="samples">${cards}</div>`;
}

function card({ step, prompt, text }: Sample, steps: number): Html {
  const moment = step === 0 ? 'Before training' : step >= steps ? 'After training' : 'Midway';
  return html`<article class="card"><h3>${moment}: step ${step}</h3><p class="text"><b>${prompt}</b>${text}</p></article>`;
}
