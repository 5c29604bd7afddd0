// What a command hands back to be printed: text for people, one object for programs.

import { columnsOf, type Line, print } from './terminal/print.ts';

export interface CommandOutput {
  /** Printed as one line on standard output with `--json`; numbers that are not finite become null. */
  readonly json: object;
  /** Printed on standard output without `--json`; none where the command has written its text itself. */
  readonly lines: readonly Line[];
  /** 0 unless set. */
  readonly exitCode?: number;
}

/** Prints the result of a command and returns its exit code. */
export function printOutput(output: CommandOutput, asJson: boolean): number {
  if (asJson) process.stdout.write(`${JSON.stringify(output.json)}\n`);
  else print(process.stdout, output.lines);
  return output.exitCode ?? 0;
}

/** Cells a line on standard output may fill: those of the terminal, or as many as it likes. */
export function outputWidth(): number {
  return columnsOf(process.stdout);
}
