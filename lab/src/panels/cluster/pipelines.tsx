// Two pipeline schedules on one scale of time: who computes when, who waits, and what is held.

import { UserError } from 'tinyseek/core';
import { type ScheduleName, scheduleNames } from 'tinyseek/more';
import { useMemo, useState } from 'preact/hooks';
import { PassKey, TimelineCanvas } from '../../parts/timeline-canvas.tsx';
import { firstForm, type PipelineForm, type Simulated, simulate } from './simulated.ts';

const fields: readonly (readonly [key: keyof PipelineForm, label: string])[] = [
  ['ranks', 'Ranks'],
  ['microBatches', 'Micro-batches'],
  ['F', 'F, forward'],
  ['B', 'B, backward'],
  ['W', 'W, for weights'],
  ['FB', 'F&B, side by side'],
];

export function Pipelines() {
  const [names, setNames] = useState<readonly ScheduleName[]>(['dualpipe', '1f1b']);
  const [form, setForm] = useState(firstForm);
  const drawn = useMemo(() => names.map((name) => attempt(name, form)), [names, form]);
  const found = drawn.filter((one) => typeof one !== 'string');
  const span = Math.max(...found.map(({ timeline }) => timeline.makespan));
  return (
    <section aria-labelledby="pipelines-title">
      <h2 id="pipelines-title">A pipeline: who computes when</h2>
      <div class="cluster-controls">
        {['Schedule', 'Beside it'].map((label, at) => (
          <label key={label}>
            {label}
            <select
              value={names[at]!}
              onChange={({ currentTarget }) => setNames(names.with(at, currentTarget.value as ScheduleName))}
            >
              {scheduleNames.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        ))}
        {fields.map(([key, label]) => (
          <label key={key}>
            {label}
            <input
              inputMode="decimal"
              value={form[key]}
              onInput={({ currentTarget }) => setForm({ ...form, [key]: currentTarget.value })}
            />
          </label>
        ))}
      </div>
      {drawn.map((one, at) =>
        typeof one === 'string' ? (
          <p key={at} class="error" role="status">
            {one}
          </p>
        ) : (
          <figure key={at}>
            <figcaption>{sentence(one)}</figcaption>
            <TimelineCanvas
              name={one.name}
              timeline={one.timeline}
              span={span}
              label={`${sentence(one)} ${waits(one)}`}
            />
          </figure>
        ),
      )}
      <PassKey />
      <p class="note">
        A gap is a rank that waits. What is held is counted in micro-batches, each in the layers of one rank. Where a
        rank has two stages of half as many layers, their passes cost half. DualPipe holds the model twice.
      </p>
    </section>
  );
}

/** What is to be drawn, or why it cannot be. */
function attempt(name: ScheduleName, form: PipelineForm): Simulated | string {
  try {
    return simulate(name, form);
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

const round = (value: number) => String(Number(value.toPrecision(4)));

function span(values: readonly number[]): string {
  const [low, high] = [Math.min(...values), Math.max(...values)].map(round);
  return low === high ? low! : `${low} to ${high}`;
}

function sentence({ name, timeline, bubble, held }: Simulated): string {
  return (
    `${name}: the step takes ${round(timeline.makespan)}, ranks wait ${span(timeline.idle)} of it ` +
    `(${(100 * bubble).toFixed(1)} %) and hold at most ${span(held)}`
  );
}

function waits({ timeline }: Simulated): string {
  return timeline.idle.map((time, rank) => `Rank ${rank} waits ${round(time)}.`).join(' ');
}
