// `tinyseek data`: what there is to train on, what it looks like, and how many tokens it has.

import type { Corpus } from '../../data/corpora/load-corpora.ts';
import { defineCommand, defineGroup } from '../command.ts';
import { jsonOption, specHelp } from '../common-options.ts';
import { outputWidth } from '../output.ts';
import { formatBytes, formatExact, plural } from '../terminal/format.ts';
import { formatHeadedTable } from '../terminal/table.ts';
import { printable, wrapProse, wrapText } from '../terminal/text.ts';

const specArgument = { syntax: '<spec>', help: specHelp } as const;

const listCommand = defineCommand({
  name: 'list',
  description: 'list the built-in corpora',
  options: [jsonOption],
  run: async () => {
    const { listCorpora } = await import('../../data/corpora/built-in.ts');
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
  },
});

const beginningLength = 600;

function describe({ domain, weight, documents }: Corpus) {
  return {
    domain,
    weight,
    documents: documents.length,
    bytes: documents.reduce((sum, document) => sum + Buffer.byteLength(document), 0),
    beginning: documents[0]?.slice(0, beginningLength) ?? '',
  };
}

const showCommand = defineCommand({
  name: 'show',
  description: 'show the size and the beginning of a corpus',
  arguments: [specArgument],
  options: [jsonOption],
  run: async (spec) => {
    const { loadCorpora } = await import('../../data/corpora/load-corpora.ts');
    const corpora = loadCorpora(spec).map(describe);
    const width = Math.min(outputWidth(), 100);
    const lines = corpora.flatMap(({ domain, documents, bytes, beginning }) => [
      `${domain}: ${plural(documents, 'document')}, ${formatBytes(bytes)}. It begins:`,
      ...wrapText(printable(beginning), width - 2).map((line) => `│ ${line}`),
    ]);
    return { json: { corpora }, lines };
  },
});

const tokenizeCommand = defineCommand({
  name: 'tokenize',
  description: 'count the tokens of a corpus',
  arguments: [specArgument],
  options: [
    {
      flags: '--tokenizer <spec>',
      help: 'bytes, bpe:1024, r50k_base, r50k_base:1024 or a tokenizer.json',
      default: 'bpe:1024',
    },
    jsonOption,
  ],
  /** With a tokenizer that is trained on the corpus, if it is one of those. */
  run: async (spec, { tokenizer }) => {
    const { datasetStatistics } = await import('../../data/statistics.ts');
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
  },
});

export const dataCommand = defineGroup({
  name: 'data',
  summary: 'look at corpora',
  description: 'Lists, shows and tokenizes corpora.',
  commands: [listCommand, showCommand, tokenizeCommand],
});
