// Shows a chart where the program runs: as a picture in a notebook, in characters in a terminal.

import type { Chart } from './chart.ts';
import { chartToText } from './chart-text.ts';

/** One output in several forms, by media type: a notebook shows the best that it can. */
export interface MediaBundle {
  readonly 'image/svg+xml': string;
  readonly 'text/plain': string;
}

/** Takes what is displayed in place of the terminal. */
export type DisplayHook = (bundle: MediaBundle) => void | Promise<void>;

/** What a notebook sets on the global object to take what is displayed. */
const hookKey = Symbol.for('tinyseek.display');

/** Lets a function show what is displayed from now on; null: the terminal, or Deno's notebook, does again. */
export function setDisplayHook(hook: DisplayHook | null): void {
  Reflect.set(globalThis, hookKey, hook);
}

/** A chart as the source of one `<svg>`; it has neither a script nor a style sheet. */
export async function chartToSvg(chart: Chart): Promise<string> {
  const { drawSvg } = await import('./chart-svg.ts');
  return drawSvg(chart);
}

/**
 * Shows a chart: in a notebook of the Deno kernel as a picture, wherever {@link setDisplayHook} says, and otherwise in
 * characters on standard output.
 */
export async function display(chart: Chart): Promise<void> {
  const hook = takerOfDisplays();
  if (hook === undefined) {
    console.log(chartToText(chart));
    return;
  }
  await hook({ 'image/svg+xml': await chartToSvg(chart), 'text/plain': chartToText(chart) });
}

/** The part of Deno's kernel that is used here. */
interface DenoKernel {
  readonly jupyter?: { broadcast(type: string, content: object): Promise<void> };
}

function takerOfDisplays(): DisplayHook | undefined {
  const hook: unknown = Reflect.get(globalThis, hookKey);
  if (typeof hook === 'function') return (bundle) => hook(bundle);
  const deno: DenoKernel | undefined = Reflect.get(globalThis, 'Deno');
  const broadcast = denoBroadcast(deno);
  return broadcast && ((data) => broadcast('display_data', { data, metadata: {}, transient: {} }));
}

/** Undefined outside of a notebook: reading `Deno.jupyter` throws there. */
function denoBroadcast(deno: DenoKernel | undefined) {
  try {
    const jupyter = deno?.jupyter;
    return jupyter && ((type: string, content: object) => jupyter.broadcast(type, content));
  } catch {
    return undefined;
  }
}
