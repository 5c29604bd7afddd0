// Samples into rows of equal length, so that little is wasted.

/** Rows, each with the numbers of its samples in their order. */
export type PackedRows = readonly (readonly number[])[];

/** Rows that are open at once; of more, the fullest is closed. */
const maxOpen = 64;

/**
 * Puts samples, in the order given, each into the fullest open row that has room for it (best fit). Every sample is in
 * exactly one row.
 *
 * Example: lengths 5, 4, 3, 2 and rows of 8: [0, 2] and [1, 3].
 *
 * @param lengths tokens of each sample, none above `room`
 */
export function packSamples(lengths: readonly number[], room: number): PackedRows {
  const closed: number[][] = [];
  let open: { readonly samples: number[]; free: number }[] = [];
  for (const [sample, length] of lengths.entries()) {
    const fitting = open.filter(({ free }) => free >= length);
    const row = fitting.reduce(
      (best, next) => (next.free < best.free ? next : best),
      fitting[0] ?? { samples: [], free: room },
    );
    if (row.samples.length === 0) open.push(row);
    row.samples.push(sample);
    row.free -= length;
    if (row.free === 0 || open.length > maxOpen) {
      const fullest = open.reduce((best, next) => (next.free < best.free ? next : best));
      closed.push(fullest.samples);
      open = open.filter((other) => other !== fullest);
    }
  }
  return [...closed, ...open.map(({ samples }) => samples)];
}
