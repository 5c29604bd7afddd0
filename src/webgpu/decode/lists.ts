import type { WebGpuBackend } from '../backend.ts';
import type { Dispatch } from '../commands.ts';
import type { Program } from '../program.ts';
import { bindingOf, type Place } from '../slabs.ts';

/** Lists that are kept; a decoder needs few shapes of passes, and prompts of every length as many more. */
const mostLists = 64;

/** Lists of dispatches with their pipelines and bind groups, made when they run first and then given to the GPU again. */
export class DispatchLists {
  readonly #backend: WebGpuBackend;
  readonly #lists = new Map<string, Dispatch[]>();

  constructor(backend: WebGpuBackend) {
    this.#backend = backend;
  }

  /** Runs the list of a key, which `encode` makes. */
  run(key: string, encode: () => void): void {
    const { commands } = this.#backend;
    const known = this.#lists.get(key);
    if (known !== undefined) {
      for (const dispatch of known) commands.run(dispatch);
      return;
    }
    if (this.#lists.size === mostLists) this.#lists.clear();
    const list: Dispatch[] = [];
    commands.record(list);
    try {
      encode();
    } finally {
      commands.record(null);
    }
    this.#lists.set(key, list);
  }

  /** Forgets all lists, after a place that they use has moved. */
  forget(): void {
    this.#lists.clear();
  }
}

/** Runs a program on places. */
export function runOnPlaces(
  backend: WebGpuBackend,
  program: Program,
  places: Readonly<Record<string, Place>>,
  numbers: Readonly<Record<string, number>>,
  groups: number,
): void {
  const bindings = Object.fromEntries(Object.entries(places).map(([name, place]) => [name, bindingOf(place)]));
  backend.runOn(program, bindings, numbers, groups);
}
