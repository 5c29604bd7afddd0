// The text of a run: corpora that are served beside the page, or a text of the user's.

import { type GivenDocuments, UserError } from 'tinyseek/core';
import { generateMath } from 'tinyseek/more';
import { beginningOf } from '../beginning-of.ts';
import type { TextSource } from '../protocol.ts';

/** The documents of each domain. `base` is the address of the page. */
export async function loadDocuments(source: TextSource, base: string): Promise<Record<string, GivenDocuments>> {
  if (source.kind === 'own') return { [source.name]: ownDocuments(source.text) };
  const loaded = source.names.map(async (name) => [name, beginningOf(await loadCorpus(name, base))] as const);
  return Object.fromEntries(await Promise.all(loaded));
}

/** Paragraphs are gathered into documents, so that some of them can be held out. */
function ownDocuments(text: string): string[] {
  const aimedAt = Math.min(4000, Math.max(200, text.length / 40));
  const documents: string[] = [];
  let last = '';
  for (const paragraph of text.split(/(?<=\n\s*\n)/)) {
    last += paragraph;
    if (last.length < aimedAt) continue;
    documents.push(last);
    last = '';
  }
  return last.trim() === '' ? documents : [...documents, last];
}

async function loadCorpus(name: string, base: string): Promise<string[]> {
  if (name === 'math') return generateMath();
  const response = await fetch(new URL(`corpora/${name}.jsonl.gz`, base));
  if (!response.ok) {
    throw new UserError(`data: the corpus ${name} is not beside this page (${response.status}); choose another text`);
  }
  const text = await textOf(await response.arrayBuffer());
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).text as string);
}

/** Some servers send a compressed file as such, and some so that the browser unpacks it. */
async function textOf(bytes: ArrayBuffer): Promise<string> {
  const [first, second] = new Uint8Array(bytes);
  const isPacked = first === 0x1f && second === 0x8b;
  const body = new Blob([bytes]).stream();
  return new Response(isPacked ? body.pipeThrough(new DecompressionStream('gzip')) : body).text();
}
