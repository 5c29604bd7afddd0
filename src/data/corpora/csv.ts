// Tables as text: RFC 4180, with any one character between the cells.

import { UserError } from '../../errors.ts';

/**
 * The rows of a table. A cell in double quotes may hold separators, line breaks, and quotes written twice. Lines end
 * in `\n` or `\r\n`; empty lines are no rows.
 *
 * @throws UserError that begins with `where` for a quote that is never closed.
 */
export async function* csvRows(
  blocks: AsyncIterable<string>,
  separator: string,
  where: string,
): AsyncGenerator<readonly string[]> {
  let numRows = 0;
  let row: string[] = [];
  let cell = '';
  let state: 'plain' | 'quoted' | 'quote in quoted' = 'plain';
  const endRow = (): readonly string[] => {
    const cells = [...row, cell];
    [row, cell, state] = [[], '', 'plain'];
    numRows++;
    return cells;
  };
  const isEmpty = () => row.length === 0 && cell === '' && state === 'plain';
  for await (const block of blocks) {
    for (let i = 0; i < block.length; i++) {
      const char = block[i]!;
      if (state === 'quoted') {
        const end = block.indexOf('"', i);
        cell += block.slice(i, end < 0 ? block.length : end);
        if (end < 0) break;
        i = end;
        state = 'quote in quoted';
      } else if (char === '"' && state === 'quote in quoted') {
        cell += '"';
        state = 'quoted';
      } else if (char === '"' && cell === '') state = 'quoted';
      else if (char === separator) {
        row.push(cell);
        [cell, state] = ['', 'plain'];
      } else if (char === '\n') {
        if (!isEmpty()) yield endRow();
      } else if (char !== '\r') cell += char;
    }
  }
  if (state === 'quoted')
    throw new UserError(`${where}: row ${numRows + 1}: a double quote is opened and never closed`);
  if (!isEmpty()) yield endRow();
}
