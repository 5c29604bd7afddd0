// Contract: the trace event format of Chromium, as ui.perfetto.dev reads it.

import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { createSchedule, scheduleNames } from '../../src/cluster/schedule/schedules.ts';
import { passDurations, simulateSchedule } from '../../src/cluster/schedule/timeline.ts';
import { traceEvents } from '../../src/cluster/trace-events.ts';

const common = { name: z.string().min(1), pid: z.int().min(0) };
const time = z.number().min(0);
const traceFile = z.strictObject({
  traceEvents: z.array(
    z.discriminatedUnion('ph', [
      z.strictObject({
        ...common,
        ph: z.literal('M'),
        name: z.enum(['process_name', 'thread_name']),
        tid: z.int().min(0).optional(),
        args: z.strictObject({ name: z.string() }),
      }),
      z.strictObject({
        ...common,
        ph: z.literal('X'),
        cat: z.string().min(1),
        tid: z.int().min(0),
        ts: time,
        dur: time,
        args: z.record(z.string(), z.union([z.string(), z.number()])),
      }),
      z.strictObject({ ...common, ph: z.literal('C'), ts: time, args: z.record(z.string(), z.number().min(0)) }),
    ]),
  ),
  displayTimeUnit: z.enum(['ms', 'ns']),
  otherData: z.record(z.string(), z.string()),
});

const timelineOf = (name: (typeof scheduleNames)[number]) =>
  simulateSchedule(createSchedule(name, 4, 8), passDurations({ F: 1, B: 2, W: 1, FB: 3 }));

describe('traceEvents', () => {
  it.each(scheduleNames)('of %s has the format (contract)', (name) => {
    const text = JSON.stringify(traceEvents(name, timelineOf(name), 1e-3));
    expect(traceFile.safeParse(JSON.parse(text)).error).toBeUndefined();
  });

  it('has each operation once on the track of its rank, in microseconds, without overlaps', () => {
    const timeline = timelineOf('dualpipe');
    const { traceEvents: events } = traceEvents('dualpipe', timeline, 1e-3);
    timeline.operations.forEach((list, rank) => {
      const spans = events.filter((event) => event.ph === 'X' && event.pid === rank);
      expect(spans.map((span) => span.ph === 'X' && [span.ts, span.dur])).toEqual(
        list.map(({ start, end }) => [1000 * start, 1000 * (end - start)]),
      );
    });
  });

  it('has lanes of what a rank holds, which end at nothing and reach its peak', () => {
    const timeline = timelineOf('1f1b');
    const { traceEvents: events } = traceEvents('1f1b', timeline, 1);
    timeline.peakActivations.forEach((peak, rank) => {
      const held = events.flatMap((event) => (event.ph === 'C' && event.pid === rank ? [event.args.chunks!] : []));
      expect(Math.max(...held)).toBe(peak);
      expect(held.at(-1)).toBe(0);
    });
  });
});
