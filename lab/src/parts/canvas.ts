// What pictures on a canvas share: they are drawn again with the page, when their size changes, and when the colour
// scheme does.

import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/** Draws on the canvas that the result refers to; `width` and `height` are its pixels, `ratio` those of a CSS pixel. */
export type Draw = (
  context: CanvasRenderingContext2D,
  size: { readonly width: number; readonly height: number; readonly ratio: number },
) => void;

export function useCanvas(draw: Draw): RefObject<HTMLCanvasElement | null> {
  const canvas = useRef<HTMLCanvasElement>(null);
  const redraw = () => canvas.current !== null && drawOn(canvas.current, draw);
  useEffect(() => {
    const frame = requestAnimationFrame(redraw);
    return () => cancelAnimationFrame(frame);
  });
  useEffect(() => {
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const observer = new ResizeObserver(redraw);
    observer.observe(canvas.current!);
    scheme.addEventListener('change', redraw);
    return () => {
      observer.disconnect();
      scheme.removeEventListener('change', redraw);
    };
  });
  return canvas;
}

function drawOn(canvas: HTMLCanvasElement, draw: Draw): void {
  const ratio = devicePixelRatio;
  const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  const context = canvas.getContext('2d');
  if (context === null || width === 0 || height === 0) return;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  context.clearRect(0, 0, width, height);
  draw(context, { width, height, ratio });
}

/** The row and the column under the pointer, of a picture with so many. */
export function cellUnder(event: MouseEvent, canvas: HTMLCanvasElement, rows: number, columns: number) {
  const { width, height } = canvas.getBoundingClientRect();
  const at = (offset: number, size: number, count: number) =>
    Math.min(count - 1, Math.max(0, Math.floor((offset / size) * count)));
  return { row: at(event.offsetY, height, rows), column: at(event.offsetX, width, columns) };
}
