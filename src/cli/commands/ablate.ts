// `tinyseek ablate`: runs a study and says what came of it, or lists the studies there are.

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../../errors.ts';
import type { Plan } from '../../experiments/plan.ts';
import { defineCommand } from '../command.ts';
import { jsonOption } from '../common-options.ts';
import type { OptionsOf } from '../declared-types.ts';
import { invocation, shellWord } from '../invocation.ts';
import { type CommandOutput, outputWidth } from '../output.ts';
import { wholeNumber } from '../run-options.ts';
import { plural } from '../terminal/format.ts';
import { wrapProse } from '../terminal/text.ts';

const ablateOptions = [
  { flags: '--list', help: 'list the studies' },
  { flags: '--quick', help: 'a size for trying it out, a minute or two: numbers and no verdicts' },
  { flags: '--seeds <n>', help: 'seeds of each arm (default: those of the study, mostly 3; quick: 2)' },
  { flags: '--steps <n>', help: 'optimizer steps of a run (default: those of the study)' },
  { flags: '--out <dir>', help: 'folder of the study (default: runs/ablate-<study>)' },
  { flags: '--threads <n>', help: 'runs side by side, one thread each (default: one for each core)' },
  jsonOption,
] as const;

export const ablateCommand = defineCommand({
  name: 'ablate',
  summary: 'run a study: arms x seeds, intervals, verdicts',
  description: `Runs a study, its arms side by side, and judges its claims by the rules they were written with.
Ctrl-C keeps everything; the same command goes on where it stopped.`,
  arguments: [{ syntax: '[study]', help: 'name of a study, or a .yaml, .ts or .js file with one of your own' }],
  options: ablateOptions,
  examples: [
    ['ablate --list', 'what there is'],
    ['ablate balance --quick', 'see one work'],
    ['ablate balance', 'the full size, 3 seeds'],
    ['ablate my-study.yaml --seeds 5', 'a study of your own'],
  ],
  run: async (nameOrFile, options) => {
    if (options.list === true) return listStudies();
    if (nameOrFile === undefined)
      throw new UserError(`ablate: which study? See them with \`${invocation()} ablate --list\``);
    const plan = await planOf(nameOrFile, options);
    const parallel = options.threads === undefined ? availableParallelism() : wholeNumber('--threads', options.threads);
    const { followStudy } = await import('../progress/follow-study.ts');
    return followStudy(plan, parallel, commandOf(nameOrFile, plan));
  },
});

/** The studies that come with TinySeek. */
async function listStudies(): Promise<CommandOutput> {
  const { studies } = await import('../../experiments/studies/index.ts');
  const { usualSeeds } = await import('../../experiments/evidence.ts');
  const json = {
    studies: studies.map(({ name, title, question, source, arms }) => ({
      name,
      title,
      question,
      source,
      arms: arms.length,
    })),
  };
  const width = Math.min(100, outputWidth());
  const lines = studies.flatMap((study) => [
    `${study.name}: ${study.title} (${plural(study.arms.length, 'arm')} x ${plural(usualSeeds(study, false), 'seed')})`,
    ...wrapProse(`  ${study.question}`, width),
  ]);
  const command = `${invocation()} ablate ${studies[0]?.name ?? ''} --quick`;
  return { json, lines: [...lines, '', 'Try one:', { command }] };
}

async function planOf(nameOrFile: string, options: OptionsOf<typeof ablateOptions>): Promise<Plan> {
  const { loadStudy } = await import('../../experiments/load-study.ts');
  const { usualSeeds } = await import('../../experiments/evidence.ts');
  const loaded = await loadStudy(nameOrFile);
  const { quick = false, seeds, steps, out } = options;
  if (steps !== undefined && loaded.study.procedure !== undefined)
    throw new UserError(
      `ablate: the arms of ${loaded.study.name} are procedures of several stages, which --steps cannot shorten; ` +
        'leave it out, or take --quick',
    );
  return {
    ...loaded,
    quick,
    steps: steps === undefined ? null : wholeNumber('--steps', steps),
    seeds: seeds === undefined ? usualSeeds(loaded.study, quick) : wholeNumber('--seeds', seeds),
    out: out ?? join('runs', `ablate-${loaded.study.name}${quick ? '-quick' : ''}`),
  };
}

/** What repeats the study, in a shell. */
function commandOf(nameOrFile: string, { quick, steps, seeds, out }: Plan): string {
  return [
    `${invocation()} ablate ${shellWord(nameOrFile)}`,
    ...(quick ? ['--quick'] : []),
    `--seeds ${seeds}`,
    ...(steps === null ? [] : [`--steps ${steps}`]),
    `--out ${shellWord(out)}`,
  ].join(' ');
}
