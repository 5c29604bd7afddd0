// A notebook as a page of the site: its prose, its code, and what the code wrote and drew.

export interface LessonPage {
  readonly text: string;
  /** Pictures by their file names. */
  readonly pictures: ReadonlyMap<string, string>;
}

interface NotebookCell {
  readonly cell_type: 'markdown' | 'code';
  readonly source: readonly string[];
  readonly outputs?: readonly NotebookOutput[];
}

interface NotebookOutput {
  readonly text?: readonly string[];
  readonly data?: { readonly 'image/svg+xml': readonly string[]; readonly 'text/plain': readonly string[] };
}

/** @param name of the lesson; @param pictureFolder address of the folder that its pictures are put into */
export function lessonPage(ipynb: string, name: string, pictureFolder: string): LessonPage {
  const pictures = new Map<string, string>();
  const picture = (svg: string): string => {
    const file = `${name}-${pictures.size + 1}.svg`;
    pictures.set(file, svg);
    return `${pictureFolder}/${file}`;
  };
  const { cells } = JSON.parse(ipynb) as { readonly cells: readonly NotebookCell[] };
  const parts = cells.map((cell) => {
    const source = cell.source.join('');
    if (cell.cell_type === 'markdown') return source;
    const outputs = (cell.outputs ?? []).map((output) => outputText(output, picture));
    return [fenced('ts', source), ...outputs].join('\n\n');
  });
  return { text: `${parts.join('\n\n')}\n`, pictures };
}

function outputText({ text, data }: NotebookOutput, picture: (svg: string) => string): string {
  if (data === undefined) return `<div class="output">\n\n${fenced('text', (text ?? []).join(''))}\n\n</div>`;
  const svg = data['image/svg+xml'].join('');
  const title = /aria-label="([^"]*)"/.exec(svg)?.[1] ?? 'A chart';
  return [
    `![${title.replaceAll(/[[\]]/g, '')}](${picture(svg)})`,
    `<details class="characters"><summary>The same in characters</summary>`,
    fenced('text', data['text/plain'].join('')),
    '</details>',
  ].join('\n\n');
}

/** Code in a fence that is longer than any in it. */
function fenced(language: string, code: string): string {
  const longest = Math.max(2, ...[...code.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${code.trimEnd()}\n${fence}`;
}
