// `tinyseek data`: what there is to train on, what it looks like, and how many tokens it has.

import { listCorpora } from '../../data/corpora/built-in.ts';
import { type Corpus, loadCorpora } from '../../data/corpora/load-corpora.ts';
import { datasetStatistics } from '../../data/statistics.ts';
import { type CommandOutput, outputWidth } from '../output.ts';
import { formatBytes, formatExact, plural } from '../terminal/format.ts';
import { formatHeadedTable } from '../terminal/table.ts';
import { printable, wrapProse, wrapText } from '../terminal/text.ts';

const beginningLength = 600;

/** The built-in corpora. */
export async function listData(): Promise<CommandOutput> {
  const corpora = listCorpora();
  const width = Math.min(outputWidth(), 100);
  const lines = corpora.flatMap(({ name, domain, description, licence, source }) => [
    `${name} (${domain})`,
    ...wrapProse(`  ${description}. Licence: ${licence}. Source: ${source}.`, width),
  ]);
  return {
    json: { corpora },
    lines: [...lines, '', 'Use them with --data NAME, mixed with --data moby-dick:2,code:1.'],
  };
}

function describe({ domain, weight, documents }: Corpus) {
  return {
    domain,
    weight,
    documents: documents.length,
    bytes: documents.reduce((sum, document) => sum + Buffer.byteLength(document), 0),
    beginning: documents[0]?.slice(0, beginningLength) ?? '',
  };
}

/** Size and beginning of each corpus of a specification. */
export async function showData(spec: string): Promise<CommandOutput> {
  const corpora = loadCorpora(spec).map(describe);
  const width = Math.min(outputWidth(), 100);
  const lines = corpora.flatMap(({ domain, documents, bytes, beginning }) => [
    `${domain}: ${plural(documents, 'document')}, ${formatBytes(bytes)}. It begins:`,
    ...wrapText(printable(beginning), width - 2).map((line) => `│ ${line}`),
  ]);
  return { json: { corpora }, lines };
}

/** Tokens of each corpus of a specification, counted with a tokenizer that is trained on it if it is a trained one. */
export async function tokenizeData(spec: string, tokenizer: string): Promise<CommandOutput> {
  const domains = await datasetStatistics(spec, tokenizer);
  const rows = domains.map(({ domain, documents, bytes, tokens, bytesPerToken, distinctIds }) => [
    domain,
    ...[documents, bytes, tokens].map(formatExact),
    bytesPerToken.toFixed(3),
    formatExact(distinctIds),
  ]);
  const header = ['corpus', 'documents', 'bytes', 'tokens', 'bytes per token', 'distinct tokens'];
  return {
    json: { tokenizer, domains },
    lines: [`Tokenizer ${tokenizer}`, '', ...formatHeadedTable([header, ...rows], outputWidth(), [1, 2, 3, 4, 5])],
  };
}
