// What is worth knowing of a text that was read: what was left out, and how it was understood.

/** Remarks on many places, gathered so that each kind is one line. */
export class Remarks {
  readonly #kinds = new Map<string, { count: number; readonly places: Set<string> }>();

  /** @param what a sentence on any number of things: `rows without a text were skipped` */
  add(what: string, count: number, place: string): void {
    if (count === 0) return;
    const kind = this.#kinds.get(what) ?? { count: 0, places: new Set<string>() };
    kind.count += count;
    kind.places.add(place);
    this.#kinds.set(what, kind);
  }

  /** One line for each kind: `data: rows without a text were skipped: 3 in a.jsonl and 2 more files`. */
  lines(): string[] {
    return Array.from(this.#kinds, ([what, { count, places }]) => `data: ${what}: ${count} in ${listed([...places])}`);
  }
}

function listed([first = '', second, ...others]: readonly string[]): string {
  if (second === undefined) return first;
  return others.length === 0 ? `${first} and ${second}` : `${first} and ${others.length + 1} more files`;
}
