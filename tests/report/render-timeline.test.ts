import { describe, expect, it } from 'vitest';
import { renderServing, type ServingData } from '../../src/report/serving/render-serving.ts';
import { renderTimeline } from '../../src/report/timeline/render-timeline.ts';
import type { TimelineData } from '../../src/report/timeline/timeline-data.ts';
import { figuresOf } from '../../tools/report-figures.ts';
import { csvOf, htmlProblems } from './html-check.ts';

const data: TimelineData = {
  title: 'A <b>pipeline</b>',
  notes: ['One & only.'],
  unit: 'seconds',
  heldUnit: 'GB',
  makespan: 6,
  lanes: [
    {
      name: 'rank 0',
      spans: [
        { start: 0, end: 2, kind: 'forward', text: '0', title: '0F0' },
        { start: 3, end: 6, kind: 'overlapped', text: '1/0', title: '0F1 and 0B0' },
      ],
      held: [
        { time: 0, value: 1 },
        { time: 6, value: 0 },
      ],
    },
  ],
  facts: [['A step', '6']],
};

const serving: ServingData = {
  title: 'prefill: 4 experts',
  notes: [],
  intervals: [
    { interval: 0, domain: '<prose>', before: 1.5, kept: 1, rebalanced: 1.5, ideal: 1, dynamic: 1.25 },
    { interval: 1, domain: 'code', before: 1.5, kept: 1.25, rebalanced: 1, ideal: 1, dynamic: 1 },
  ],
  gpuLoads: { before: [[1.5, 0.5]], after: [[1, 1]] },
  facts: [['GPUs', '2']],
};

describe.each([
  ['renderTimeline', renderTimeline(data), ['timeline', 'memory']],
  ['renderServing', renderServing(serving), ['intervals-chart', 'gpu-loads-0']],
] as const)('%s', (_, page, names) => {
  it('draws every figure with a title, advice, marks and data', () => {
    const figures = figuresOf(page);
    expect([...figures.keys()]).toEqual(names);
    for (const [name, figure] of figures) {
      expect(figure, name).toMatch(/<svg role="img"[^>]*aria-label="[^"]+"/);
      expect(figure, name).toMatch(/<h3 [^>]*>[^<]+<\/h3>\s*<p class="advice">[^<]+[.]<\/p>/);
      expect(csvOf(figure).split('\n').length, name).toBeGreaterThan(2);
    }
  });

  it('is well-formed HTML that refers to nothing outside itself, and escapes what it shows', () => {
    expect(htmlProblems(page)).toEqual([]);
    expect(page).not.toMatch(/https?:|url\(|@import|<link|<img| src=/);
    expect(page).not.toMatch(/<b>pipeline|<prose>/);
  });
});

describe('a timeline', () => {
  it('has a box for each operation, named in its title', () => {
    const figure = figuresOf(renderTimeline(data)).get('timeline')!;
    expect(figure).toContain('<title>0F1 and 0B0</title>');
    expect(csvOf(figure)).toBe('rank,kind,text,start,end\nrank 0,forward,0,0,2\nrank 0,overlapped,1/0,3,6\n');
  });
});

describe('a serving plan', () => {
  it('draws dynamic redundancy where there is some', () => {
    const chart = (data: ServingData) => figuresOf(renderServing(data)).get('intervals-chart')!;
    expect(csvOf(chart(serving)).split('\n')[0]).toBe('interval,domain,before,kept,rebalanced,ideal,dynamic');
    const none = { ...serving, intervals: serving.intervals.map((row) => ({ ...row, dynamic: null })) };
    expect(csvOf(chart(none)).split('\n')[0]).toBe('interval,domain,before,kept,rebalanced,ideal');
    expect(chart(none)).not.toContain('shared out anew');
  });
});
