// What charts over steps share: uPlot in an element of the page, and a dashed line at each change of the settings.

import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

/** Curves as uPlot takes them. */
export interface Plotted {
  readonly series: readonly uPlot.Series[];
  readonly data: uPlot.AlignedData;
  /** Steps at which settings changed. */
  readonly marks: readonly number[];
}

/**
 * Keeps a plot in the element that the result refers to. It is made anew when `key` changes, which names the curves,
 * and when the colour scheme does; `plotted` is asked for what to draw, with the style of the element.
 */
export function usePlot(
  key: string,
  height: number,
  plotted: (style: CSSStyleDeclaration) => Plotted,
): RefObject<HTMLDivElement | null> {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(plotted);
  latest.current = plotted;
  const now = (element: HTMLElement) => latest.current(getComputedStyle(element));
  useEffect(() => {
    const element = place.current!;
    const make = () => {
      plot.current?.destroy();
      plot.current = createPlot(element, height, now(element).series, () => now(element).marks);
      plot.current.setData(now(element).data);
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
  }, [key, height]);
  useEffect(() => {
    const frame = requestAnimationFrame(() => {
      if (place.current !== null) plot.current?.setData(now(place.current).data);
    });
    return () => cancelAnimationFrame(frame);
  });
  return place;
}

/** The last number; undefined where there is none. */
export function lastOf(values: Float64Array): number | undefined {
  return values.findLast(Number.isFinite);
}

function createPlot(
  place: HTMLElement,
  height: number,
  series: readonly uPlot.Series[],
  marks: () => readonly number[],
): uPlot {
  const style = getComputedStyle(place);
  const muted = style.getPropertyValue('--muted').trim();
  const axis = {
    ...{ stroke: muted, ticks: { show: false }, font: `11px ${style.fontFamily}` },
    grid: { stroke: style.getPropertyValue('--chart-grid').trim(), width: 1 },
  };
  return new uPlot(
    {
      ...{ width: place.clientWidth || 300, height, legend: { show: false }, cursor: { show: false } },
      scales: { x: { time: false } },
      axes: [
        { ...axis, size: 26 },
        { ...axis, size: 48 },
      ],
      series: [{}, ...series],
      hooks: { draw: [(plot) => drawMarks(plot, marks(), muted)] },
    },
    [[], ...series.map(() => [])],
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
