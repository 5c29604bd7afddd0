// The help in a narrow terminal, where commander would leave its lines to break anywhere.

import { Help } from 'commander';
import { invocation } from './invocation.ts';
import { columnsOf, layOut } from './terminal/print.ts';
import { wrapProse } from './terminal/text.ts';

const leastDescription = 40;

/** A term with its description beside it, or below it where less than 40 cells are left beside it. */
function formatItem(term: string, termWidth: number, description: string, helper: Help): string {
  const width = helper.helpWidth ?? 80;
  if (width - termWidth - 4 >= leastDescription) {
    return Help.prototype.formatItem.call(helper, term, termWidth, description, helper);
  }
  return [`  ${term}`, `      ${description}`].flatMap((line) => wrapProse(line, width)).join('\n');
}

const usageTitle = 'Usage: ';

function styleUsage(this: Help, usage: string): string {
  return wrapProse(usage, (this.helpWidth ?? 80) - usageTitle.length).join(`\n${' '.repeat(usageTitle.length)}`);
}

/** What commander is to do otherwise. */
export const helpSettings = { minWidthToWrap: 20, formatItem, styleUsage };

export type Example = readonly [command: string, explanation: string];

/** Commands to paste, each under what it does. */
export function examples(list: readonly Example[]): () => string {
  return () => {
    const lines = list.flatMap(([command, explanation]) => [
      `  # ${explanation}`,
      { command: `${invocation()} ${command}` },
    ]);
    return ['', 'Examples:', ...layOut(lines, columnsOf(process.stdout)), ''].join('\n');
  };
}

/** What the help of the whole command ends with. */
export function closingHelp(): string {
  const command = invocation();
  const lines = [
    '',
    'Start with:',
    { command: `${command} train` },
    'Help on a command:',
    { command: `${command} train --help` },
  ];
  return [...layOut(lines, columnsOf(process.stdout)), ''].join('\n');
}

/** A text without the line breaks inside of its sentences, which are those of the source code. */
export function joinLines(text: string): string {
  return text.replace(/(?<![.:])\n/g, ' ');
}
