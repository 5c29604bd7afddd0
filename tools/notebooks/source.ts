// Notebooks as readable text: a TypeScript module whose lines `// %%` begin cells.
//
// | begins with             | is                                                                          |
// |-------------------------|-----------------------------------------------------------------------------|
// | `// %% [markdown]`      | prose, in comments                                                          |
// | `// %%`                 | code                                                                        |
// | `// %% [exercise]`      | code that a reader completes                                                |
// | `// %% [solution]`      | what the exercise asks for, in comments; readers see it when they ask for it |

export interface Cell {
  readonly type: 'markdown' | 'code' | 'exercise' | 'solution';
  readonly source: string;
}

const beginning = /^\/\/ %%(?: \[(\w+)\])?$/;
const types: readonly Cell['type'][] = ['markdown', 'code', 'exercise', 'solution'];

/** The cells of a source. Throws for a cell of an unknown type, and for prose that is not in comments. */
export function parseCells(text: string): Cell[] {
  const cells: { type: Cell['type']; lines: string[] }[] = [];
  for (const line of text.split('\n')) {
    const match = beginning.exec(line);
    if (match !== null) cells.push({ type: typeOf(match[1]), lines: [] });
    else if (cells.length > 0) cells.at(-1)!.lines.push(line);
    else if (line.trim() !== '') throw new Error(`a notebook begins with "// %%", not with: ${line}`);
  }
  return cells.map(({ type, lines }) => {
    const isProse = type === 'markdown' || type === 'solution';
    return { type, source: (isProse ? lines.map(uncomment) : lines).join('\n').trim() };
  });
}

function typeOf(name = 'code'): Cell['type'] {
  const type = types.find((known) => known === name);
  if (type === undefined) throw new Error(`a cell is one of ${types.join(', ')}, not ${name}`);
  return type;
}

function uncomment(line: string): string {
  if (line.trim() === '') return '';
  const match = /^\/\/ ?(.*)$/.exec(line);
  if (match === null) throw new Error(`prose is in comments, and this line is not: ${line}`);
  return match[1]!;
}

/** Whether a cell is executed. */
export const isCode = ({ type }: Cell): boolean => type === 'code' || type === 'exercise';

/** The same cells with every exercise done. */
export function solved(cells: readonly Cell[]): Cell[] {
  return cells.map((cell, i) => {
    if (cell.type !== 'exercise') return cell;
    const solution = cells.slice(i).find(({ type }) => type === 'solution');
    if (solution === undefined) throw new Error('an exercise has no solution');
    return { ...cell, source: solution.source };
  });
}
