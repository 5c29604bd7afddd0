// A notebook as Jupyter's JSON (nbformat 4.5).

import type { Output } from './execute.ts';
import { type Cell, isCode } from './source.ts';

/** PNGs in base64 by the SVG that they show. */
export type Pictures = ReadonlyMap<string, string>;

/** The text of an `.ipynb` file. */
export function toIpynb(cells: readonly Cell[], outputs: readonly (readonly Output[])[], pictures: Pictures): string {
  let count = 0;
  const notebook = {
    cells: cells.map((cell, i) => {
      const id = `cell-${i + 1}`;
      if (!isCode(cell)) return { cell_type: 'markdown', id, metadata: {}, source: linesOf(proseOf(cell)) };
      const shown = outputs[i]!.map((output) => outputJson(output, pictures));
      return {
        ...{ cell_type: 'code', execution_count: ++count, id, metadata: {} },
        ...{ outputs: shown, source: linesOf(cell.source) },
      };
    }),
    metadata: {
      kernelspec: { display_name: 'Deno', language: 'typescript', name: 'deno' },
      language_info: { file_extension: '.ts', mimetype: 'text/x.typescript', name: 'typescript' },
    },
    nbformat: 4,
    nbformat_minor: 5,
  };
  return `${JSON.stringify(notebook, null, 1)}\n`;
}

function proseOf({ type, source }: Cell): string {
  if (type !== 'solution') return source;
  return `<details>\n<summary>A solution</summary>\n\n\`\`\`ts\n${source}\n\`\`\`\n\n</details>`;
}

function outputJson(output: Output, pictures: Pictures) {
  if ('text' in output) return { name: 'stdout', output_type: 'stream', text: linesOf(output.text) };
  const png = pictures.get(output.svg);
  return {
    data: {
      ...(png !== undefined && { 'image/png': png }),
      'image/svg+xml': linesOf(output.svg),
      'text/plain': linesOf(output.plain),
    },
    metadata: {},
    output_type: 'display_data',
  };
}

/** The PNGs of a notebook that was written before. */
export function picturesOf(ipynb: string): Map<string, string> {
  const { cells } = JSON.parse(ipynb) as { cells: { outputs?: { data?: Record<string, string | string[]> }[] }[] };
  const data = cells.flatMap(({ outputs = [] }) => outputs.map((output) => output.data ?? {}));
  return new Map(
    data.flatMap((forms): [string, string][] => {
      const [png, svg] = [forms['image/png'], forms['image/svg+xml']];
      return typeof png === 'string' && Array.isArray(svg) ? [[svg.join(''), png]] : [];
    }),
  );
}

/** A text in lines that keep their ends. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}
