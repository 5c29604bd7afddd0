// Lines over the steps of a run, with a dashed line at each change of the settings.

import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Mark } from '../panels/run-view.ts';
import { paletteAt } from './colour-scale.ts';

export interface Line {
  readonly label: string;
  readonly values: Float64Array;
  /** A colour, or the name of a custom property with one. */
  readonly colour: string;
}

export interface LinePlotProps {
  readonly steps: Float64Array;
  readonly lines: readonly Line[];
  readonly marks: readonly Mark[];
  /** What the chart shows, and what there is to see in it now: read aloud in place of the picture. */
  readonly label: string;
  readonly height?: number;
  readonly digits?: number;
  /** Whether there is a list of the lines with their last values. */
  readonly legend?: boolean;
}

export function LinePlot({ steps, lines, marks, label, height = 150, digits = 3, legend = true }: LinePlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef({ steps, lines, marks });
  latest.current = { steps, lines, marks };
  const shape = lines.map(({ label, colour }) => `${label}:${colour}`).join('|');
  useEffect(() => {
    const element = place.current!;
    const make = () => {
      plot.current?.destroy();
      plot.current = createPlot(element, latest.current.lines, height, () => latest.current.marks);
      plot.current.setData(dataOf(latest.current));
    };
    make();
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    scheme.addEventListener('change', make);
    return () => {
      observer.disconnect();
      scheme.removeEventListener('change', make);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape, height]);
  useEffect(() => {
    const frame = requestAnimationFrame(() => plot.current?.setData(dataOf(latest.current)));
    return () => cancelAnimationFrame(frame);
  });
  return (
    <div class="line-plot">
      <div ref={place} role="img" aria-label={label} />
      {legend && (
        <ul class="legend">
          {lines.map(({ label, values, colour }) => (
            <li key={label}>
              <i style={{ borderTopColor: colour.startsWith('--') ? `var(${colour})` : colour }} />
              {label} <b>{lastOf(values)?.toFixed(digits) ?? '–'}</b>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function dataOf({ steps, lines }: Pick<LinePlotProps, 'steps' | 'lines'>): uPlot.AlignedData {
  return [steps, ...lines.map(({ values }) => values)];
}

/** The last number; undefined where there is none. */
export function lastOf(values: Float64Array): number | undefined {
  return values.findLast((value) => Number.isFinite(value));
}

function createPlot(place: HTMLElement, lines: readonly Line[], height: number, marks: () => readonly Mark[]): uPlot {
  const { text, faint } = paletteAt(place);
  const style = getComputedStyle(place);
  const colourOf = (colour: string) =>
    colour.startsWith('--') ? style.getPropertyValue(colour).trim() || text : colour;
  const axis = {
    stroke: text,
    grid: { stroke: faint, width: 1 },
    ticks: { show: false },
    font: `11px ${style.fontFamily}`,
  };
  return new uPlot(
    {
      width: place.clientWidth || 300,
      height,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false } },
      axes: [
        { ...axis, size: 24 },
        { ...axis, size: 46 },
      ],
      series: [{}, ...lines.map(({ colour }) => ({ stroke: colourOf(colour), width: 1.5, points: { show: false } }))],
      hooks: { draw: [(plot) => drawMarks(plot, marks(), text)] },
    },
    [[], ...lines.map(() => [])],
    place,
  );
}

function drawMarks(plot: uPlot, marks: readonly Mark[], colour: string): void {
  const { ctx, bbox } = plot;
  const { min, max } = plot.scales.x ?? {};
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.setLineDash([4, 3]);
  for (const { step } of marks) {
    if (min == null || max == null || step < min || step > max) continue;
    const x = Math.round(plot.valToPos(step, 'x', true));
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}
