// What checkpoints are called: `step-00000010` holds the state after 10 optimizer steps.

/** A name may end in `.replaced` (a folder about to be replaced) or a number (a replacement in a browser's storage). */
const stepName = /(?:^|[/\\])step-(\d{8,})(?:\.replaced|\.\d+)?$/;

/** The name of the checkpoint after `step` optimizer steps: `step-00000010`. */
export function checkpointName(step: number): string {
  return `step-${String(step).padStart(8, '0')}`;
}

/** The step of a checkpoint, by its name or path; null if it is not named like one. */
export function checkpointStep(path: string): number | null {
  const digits = stepName.exec(path)?.[1];
  return digits === undefined ? null : Number(digits);
}
