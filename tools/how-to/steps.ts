// What a reader of a how-to page does, in order: saves files and enters commands.

import { marked, type Tokens } from 'marked';

export type Step =
  | { readonly kind: 'file'; readonly name: string; readonly text: string }
  | { readonly kind: 'command'; readonly line: string };

/** The end of a paragraph such as "Save this as `ask.ts`:". */
const naming = /Save this\s+as\s+`([\w.-]+)`:$/;

/** The steps of a page. Throws for code that is neither a command nor a file with a name; output (`text`) is no step. */
export function stepsOf(page: string): Step[] {
  const tokens = marked.lexer(page).filter(({ type }) => type !== 'space');
  return tokens.flatMap((token, i): Step[] => {
    if (token.type !== 'code') return [];
    const { lang, text } = token as Tokens.Code;
    if (lang === 'sh' || lang === 'bash') return text.split('\n').map((line) => ({ kind: 'command', line }));
    const name = naming.exec(tokens[i - 1]?.raw.trim() ?? '')?.[1];
    if (name !== undefined) return [{ kind: 'file', name, text: `${text}\n` }];
    if (lang === 'text') return [];
    throw new Error(`a block of ${lang} has no name; "Save this as \`name\`:" comes before it`);
  });
}
