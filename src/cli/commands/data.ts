// `tinyseek data`: what there is to train on, what it looks like, and how many tokens it has.

import { defineCommand, defineGroup } from '../command.ts';
import { jsonOption, specHelp } from '../common-options.ts';
import type { CorpusSummary } from '../data-description.ts';
import { outputWidth } from '../output.ts';
import { followPreparation } from '../progress/preparation.ts';
import { readingFlags, readingOptions } from '../reading-options.ts';
import { formatBytes, formatExact, plural } from '../terminal/format.ts';
import { print } from '../terminal/print.ts';
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

const showCommand = defineCommand({
  name: 'show',
  description: 'show the size and the beginning of a corpus',
  arguments: [specArgument],
  options: [...readingFlags, jsonOption],
  run: async (spec, options) => {
    const { loadCorpora } = await import('../../data/corpora/load-corpora.ts');
    const { Remarks } = await import('../../data/remarks.ts');
    const { describeCorpus } = await import('../data-description.ts');
    const remarks = new Remarks();
    const found = loadCorpora(spec, readingOptions(options));
    const corpora: CorpusSummary[] = [];
    for (const corpus of found) corpora.push(await describeCorpus(corpus, remarks));
    print(process.stderr, [...found.flatMap(({ notes }) => notes), ...remarks.lines()]);
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
      help: 'bytes, chars, bpe:1024, r50k_base, r50k_base:1024 or a tokenizer.json',
      default: 'bpe:1024',
    },
    ...readingFlags,
    jsonOption,
  ],
  /** With a tokenizer that is trained on the corpus, if it is one of those. */
  run: async (spec, { tokenizer, ...options }) => {
    const { datasetStatistics } = await import('../../data/statistics.ts');
    const preparation = followPreparation();
    const notes: string[] = [];
    const domains = await datasetStatistics(spec, tokenizer, {
      ...readingOptions(options),
      onProgress: preparation.onProgress,
      onNote: (note) => notes.push(note),
    }).finally(() => preparation.end(notes));
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
