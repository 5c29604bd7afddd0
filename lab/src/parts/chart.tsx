// Curves of several runs in one chart: steps to the right, a dashed line at each change of the settings.

import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface Curve {
  readonly label: string;
  readonly steps: Float64Array;
  readonly values: Float64Array;
  /** A custom property with a colour. */
  readonly colour: string;
  readonly isDashed?: boolean;
}

export interface ChartProps {
  readonly title: string;
  readonly curves: readonly Curve[];
  readonly marks?: readonly number[];
  readonly digits?: number;
}

const height = 190;

export function Chart({ title, curves, marks = [], digits = 3 }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shownMarks = useRef(marks);
  shownMarks.current = marks;
  const shownCurves = useRef(curves);
  shownCurves.current = curves;
  const shape = curves.map(({ label, colour }) => `${label} ${colour}`).join('|');
  useEffect(() => {
    const element = place.current!;
    const make = () => {
      plot.current?.destroy();
      plot.current = createPlot(element, shownCurves.current, () => shownMarks.current);
      plot.current.setData(dataOf(shownCurves.current));
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
  }, [shape]);
  useEffect(() => {
    const frame = requestAnimationFrame(() => plot.current?.setData(dataOf(curves)));
    return () => cancelAnimationFrame(frame);
  });
  const last = ({ values }: Curve) => values.findLast(Number.isFinite)?.toFixed(digits) ?? '–';
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div
        ref={place}
        role="img"
        aria-label={`${title}: ${curves.map((c) => `${c.label} now ${last(c)}`).join(', ')}`}
      />
      <ul class="legend">
        {curves.map((curve) => (
          <li key={curve.label}>
            <i class={curve.isDashed ? 'dashed' : ''} style={{ borderColor: `var(${curve.colour})` }} />
            {curve.label} <b>{last(curve)}</b>
          </li>
        ))}
      </ul>
    </figure>
  );
}

function dataOf(curves: readonly Curve[]): uPlot.AlignedData {
  if (curves.length === 0) return [[]];
  return uPlot.join(curves.map(({ steps, values }) => [steps, values] as unknown as uPlot.AlignedData));
}

function createPlot(place: HTMLElement, curves: readonly Curve[], marks: () => readonly number[]): uPlot {
  const style = getComputedStyle(place);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    ...{ stroke: colour('--muted'), ticks: { show: false }, font: `11px ${style.fontFamily}` },
    grid: { stroke: colour('--line'), width: 1 },
  };
  const series = curves.map(({ colour: name, isDashed = false }) => {
    return { stroke: colour(name), width: 2, spanGaps: true, points: { show: false }, dash: isDashed ? [6, 4] : [] };
  });
  return new uPlot(
    {
      ...{ width: place.clientWidth || 300, height, legend: { show: false }, cursor: { show: false } },
      scales: { x: { time: false } },
      axes: [
        { ...axis, size: 26 },
        { ...axis, size: 48 },
      ],
      series: [{}, ...series],
      hooks: { draw: [(plot) => drawMarks(plot, marks(), colour('--muted'))] },
    },
    [[], ...curves.map(() => [])],
    place,
  );
}

function drawMarks(plot: uPlot, marks: readonly number[], colour: string): void {
  const { ctx, bbox } = plot;
  const { min, max } = plot.scales.x ?? {};
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.setLineDash([4, 3]);
  for (const step of marks) {
    if (min == null || max == null || step < min || step > max) continue;
    const x = Math.round(plot.valToPos(step, 'x', true));
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}
