// The commands, their options and their help. What a command does is imported when it is called, so that help, and
// the commands that compute nothing, never load TF.js.

import { createRequire } from 'node:module';
import { Command, Option } from 'commander';
import { presetNames } from '../config/presets.ts';
import { loaderNames } from '../interchange/loader-names.ts';
import { type CommandOutput, printOutput } from './output.ts';

const { version }: { readonly version: string } = createRequire(import.meta.url)('../../package.json');

const description = 'Train DeepSeek-V3 in miniature on your own machine: MLA, DeepSeekMoE, MTP, on real text.';

const specHelp = 'corpora and files: moby-dick, moby-dick:2,code:1, notes.txt, texts/*.md';
const backendHelp = 'auto, engine, wasm, cpu, webgpu or tensorflow (see: tinyseek doctor)';

type Finish = (exitCode: number) => void;

function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

function examples(...commands: readonly (readonly [command: string, explanation: string])[]): string {
  const lines = commands.map(([command, explanation]) => `  # ${explanation}\n  tinyseek ${command}`);
  return `\nExamples:\n${lines.join('\n')}\n`;
}

function withModelOptions(command: Command): Command {
  return command
    .option('--preset <name>', `settings to start from: ${presetNames.join(', ')} (default: tiny)`)
    .option('--config <file>', 'YAML file of settings, on top of the preset')
    .option('--set <key=value>', 'change one setting; can be repeated', collect);
}

function withEngineOptions(command: Command): Command {
  return command
    .option('--threads <n>', 'threads of the engine (default: one for each core)')
    .option('--engine-variant <name>', 'binary of the engine (default: the fastest one that works)');
}

function withBackend(command: Command, whenAbsent = 'auto'): Command {
  return withEngineOptions(command.option('--backend <name>', `${backendHelp} (default: ${whenAbsent})`));
}

function withJson(command: Command): Command {
  return command.option('--json', 'print one JSON object on standard output, everything else on standard error');
}

/** Runs a command and prints what it hands back; the last argument of an action is the command itself. */
function output(
  finish: Finish,
  run: () => Promise<CommandOutput>,
  options: { readonly json?: boolean },
): Promise<void> {
  return run().then((result) => finish(printOutput(result, options.json === true)));
}

function addTrain(program: Command, finish: Finish): void {
  const command = program
    .command('train')
    .summary('train a model')
    .description(
      `Trains a model and writes a run folder: metrics, checkpoints (Hugging Face deepseek_v3 model folders) and a report.
Ctrl-C writes a checkpoint and says how to go on.`,
    );
  withBackend(
    withModelOptions(command)
      .option('--data <spec>', specHelp)
      .option('--steps <n>', 'optimizer steps of the whole run')
      .option('--batch-size <n>', 'sequences per step')
      .option('--seq-len <n>', 'tokens per sequence')
      .option('--seed <n>', 'seed of the weights and of the data order')
      .option('--precision <name>', 'float32, or fp8: products of 8-bit numbers, emulated'),
    'auto; resuming: that of the run',
  )
    .option('--out <dir>', 'run folder (default: runs/<preset>-<data>-<time>)')
    .addOption(
      new Option('--resume <dir>', 'carry on with the run in this folder, to its planned end').conflicts('out'),
    );
  withJson(command)
    .addHelpText(
      'after',
      examples(
        ['train', 'the quick start: preset tiny on Moby Dick'],
        ['train --data notes.txt --steps 500', 'your own text'],
        ['train --preset mini --data moby-dick:2,code:1 --set balancing=none', 'two corpora mixed, no balancing'],
        ['train --resume runs/first', 'carry on where a run stopped'],
      ),
    )
    .action(async (options) => {
      const { train } = await import('./commands/train.ts');
      await output(finish, () => train(options), options);
    });
}

function addEval(program: Command, finish: Finish): void {
  const command = program
    .command('eval')
    .summary('measure a checkpoint on held-out text')
    .description('Measures a checkpoint on held-out text: loss, perplexity, bits per byte, expert load.')
    .argument('<checkpoint>', 'checkpoint folder, or a run folder for its newest checkpoint')
    .option('--data <spec>', 'corpora and files (default: what the checkpoint was trained on)');
  withJson(withBackend(command))
    .addHelpText(
      'after',
      examples(
        ['eval runs/first', 'the newest checkpoint of a run'],
        ['eval runs/first --data code --json', 'on other text, for a program'],
      ),
    )
    .action(async (checkpoint, options) => {
      const { evaluateCheckpoint } = await import('./commands/eval.ts');
      await output(finish, () => evaluateCheckpoint(checkpoint, options), options);
    });
}

function addScore(program: Command, finish: Finish): void {
  const command = program
    .command('score')
    .summary('probability of each token of a text')
    .description('Prints the natural-log probability of each token given those before it.')
    .argument('<checkpoint>', 'checkpoint folder, or a run folder for its newest checkpoint')
    .option('--text <text>', 'the text to score')
    .addOption(new Option('--ids <ids>', 'token ids instead of a text, separated by commas').conflicts('text'));
  withJson(withBackend(command))
    .addHelpText(
      'after',
      examples(
        ['score runs/first --text "Call me Ishmael."', 'a text'],
        ['score runs/first --ids 12,7,101 --json', 'token ids'],
      ),
    )
    .action(async (checkpoint, options) => {
      const { score } = await import('./commands/score.ts');
      await output(finish, () => score(checkpoint, options), options);
    });
}

function withSampling(command: Command): Command {
  return command
    .option('--max-new-tokens <n>', 'tokens to write at most (default: 128)')
    .option('--temperature <x>', '0 takes the most likely token every time (default: 0.8)')
    .option('--top-k <n>', 'choose among so many of the most likely tokens; 0 means all (default: 40)')
    .option('--top-p <p>', 'choose among the most likely tokens with this probability together (default: 1, all)')
    .option('--min-p <p>', 'choose among tokens at least this many times as likely as the best (default: 0, all)')
    .option('--repetition-penalty <x>', 'above 1 makes tokens less likely that are there already (default: 1)')
    .option('--seed <n>', 'same seed, same text (default: 0)');
}

function addGenerate(program: Command, finish: Finish): void {
  const command = program
    .command('generate')
    .summary('continue a prompt')
    .description(
      `Continues a prompt. The text goes to standard output as it comes, what it cost to standard error.
The prompt is read as the beginning of a document.`,
    )
    .argument('<checkpoint>', 'checkpoint folder, or a run folder for its newest checkpoint')
    .requiredOption(
      '--prompt <text>',
      'the text to continue; - reads it from standard input, without its last newline',
    );
  withJson(
    withBackend(
      withSampling(command)
        .option('--n <count>', 'write so many samples, with the seeds from --seed on')
        .option('--stop <text>', 'end before this text; can be repeated', collect)
        .option(
          '--speculative [k]',
          'let the MTP module draft k tokens for each pass (1 to 3, default: 1), and compare with plain decoding',
        ),
    ),
  )
    .addHelpText(
      'after',
      examples(
        ['generate runs/first --prompt "Call me"', 'a sample, as drawn while training'],
        ['generate runs/first --prompt "Call me" --temperature 0 --speculative', 'the most likely text, sooner'],
        ['generate runs/first --prompt - --n 3 --json < start.txt', 'three samples, for a program'],
      ),
    )
    .action(async (checkpoint, options) => {
      const { generate } = await import('./commands/generate.ts');
      await output(finish, () => generate(checkpoint, options), options);
    });
}

function addChat(program: Command, finish: Finish): void {
  const command = program
    .command('chat')
    .summary('talk to a model')
    .description(
      `Talks to a model, with the whole conversation as its prompt. Lines that begin with / are commands: try /help.
Ctrl-C stops an answer, Ctrl-D leaves. A model without a chat template gets a transcript to carry on.`,
    )
    .argument('<checkpoint>', 'checkpoint folder, or a run folder for its newest checkpoint');
  withBackend(
    withSampling(command)
      .option('--system <text>', 'a text before the conversation')
      .option('--speculative [k]', 'let the MTP module draft k tokens for each pass (1 to 3, default: 1)'),
  )
    .addHelpText('after', examples(['chat runs/first', 'the newest checkpoint of a run']))
    .action(async (checkpoint, options) => {
      const { chat } = await import('./commands/chat.ts');
      finish(await chat(checkpoint, options));
    });
}

function addServe(program: Command, finish: Finish): void {
  const command = program
    .command('serve')
    .summary('serve a checkpoint over HTTP, as the OpenAI API does')
    .description(
      `Serves a checkpoint over HTTP with the OpenAI API: /v1/models, /v1/completions, /v1/chat/completions.
Ctrl-C stops it. The API: docs/serve.md.`,
    )
    .argument('<checkpoint>', 'checkpoint folder, or a run folder for its newest checkpoint')
    .option('--host <address>', 'address to listen on; there is no password, so think before you open it', '127.0.0.1')
    .option('--port <n>', 'port to listen on; 0 takes a free one', '8000')
    .option('--slots <n>', 'answers generated at the same time', '32')
    .option('--max-queue <n>', 'answers that may wait for a slot; more are sent away (status 429)', '256')
    .option('--max-tokens <n>', 'tokens of an answer at most', '4096')
    .option('--max-body <bytes>', 'size of a request at most', '1000000')
    .option('--timeout <seconds>', 'time an answer may take, waiting included', '300');
  withBackend(command)
    .addHelpText(
      'after',
      examples(
        ['serve runs/first', 'at http://127.0.0.1:8000/v1'],
        ['serve runs/first --port 0 --slots 4 --max-tokens 200', 'on a free port, with less at once'],
      ),
    )
    .action(async (checkpoint, options) => {
      const { serve } = await import('./commands/serve.ts');
      await serve(checkpoint, options);
      finish(0);
    });
}

function addParams(program: Command, finish: Finish): void {
  const command = program
    .command('params')
    .summary('count parameters, cache and FLOPs of a model')
    .description('Counts the parameters, the key/value cache and the FLOPs per token of a model, without building it.');
  withJson(withModelOptions(command))
    .addHelpText(
      'after',
      examples(
        ['params', 'preset tiny'],
        ['params --preset deepseek-v3', 'the released model'],
        ['params --set nRoutedExperts=32 --set kvLoraRank=48', 'what a change costs'],
      ),
    )
    .action(async (options) => {
      const { params } = await import('./commands/params.ts');
      await output(finish, () => params(options), options);
    });
}

function addDoctor(program: Command, finish: Finish): void {
  const command = program
    .command('doctor')
    .summary('what this machine can compute with')
    .description('Lists the backends: which are here, why the others are not and how to get them, how fast they are.');
  withJson(withEngineOptions(command)).action(async (options) => {
    const { doctor } = await import('./commands/doctor.ts');
    await output(finish, () => doctor(options), options);
  });
}

function addBench(program: Command, finish: Finish): void {
  const bench = program
    .command('bench')
    .summary('measure how fast this machine trains and writes')
    .description('Measures training steps, decoding and kernels on this machine.')
    .helpCommand(false);
  withJson(
    withBackend(
      withModelOptions(
        bench
          .command('step')
          .description('time whole optimizer steps on random tokens: median, tokens per second, GFLOP/s, memory'),
      )
        .option('--batch-size <n>', 'sequences per step')
        .option('--seq-len <n>', 'tokens per sequence')
        .option('--steps <n>', 'steps to time, after a warm-up (default: at least 15, for 2 seconds)'),
    ),
  )
    .addHelpText(
      'after',
      examples(
        ['bench step --preset peer-a', 'the size of the PyTorch comparison'],
        ['bench step --threads 1 --set nRoutedExperts=32', 'what a change costs'],
      ),
    )
    .action(async (options) => {
      const { benchStep } = await import('./commands/bench.ts');
      await output(finish, () => benchStep(options), options);
    });
  withJson(
    withBackend(
      bench
        .command('generate')
        .description('time decoding with and without drafts of the MTP module, on held-out text of each domain')
        .argument('<checkpoint>', 'checkpoint folder, or a run folder for its newest checkpoint')
        .option('--data <spec>', 'corpora and files (default: what the checkpoint was trained on)')
        .option('--prompts <n>', 'prompts of each domain (default: 8)')
        .option('--max-new-tokens <n>', 'tokens to write after each (default: 128)')
        .option('--temperature <x>', 'draw instead of taking the most likely token (default: 0)')
        .option('--speculative <k>', 'drafts for each pass, 1 to 3 (default: 1)'),
    ),
  ).action(async (checkpoint, options) => {
    const { benchGenerate } = await import('./commands/bench.ts');
    await output(finish, () => benchGenerate(checkpoint, options), options);
  });
  withJson(
    withEngineOptions(bench.command('ops').description('time the kernels of the engine, each by itself')),
  ).action(async (options) => {
    const { benchOps } = await import('./commands/bench.ts');
    await output(finish, () => benchOps(options), options);
  });
}

function addExport(program: Command, finish: Finish): void {
  const command = program
    .command('export')
    .summary('write a checkpoint for other programs')
    .description(
      `Writes a checkpoint as a Hugging Face folder with a model card, for transformers, vLLM, SGLang and torchtitan.
With --check, says first what one of them would refuse; with --check and without --out, only that.`,
    )
    .argument('<checkpoint>', 'checkpoint folder, or a run folder for its newest checkpoint')
    .option('--out <dir>', 'folder to write; it must not exist yet, or be empty')
    .option('--dtype <name>', 'format of the weights: f32, bf16 or f16', 'f32')
    .option('--shard-size <size>', 'most bytes of weights in one file, such as 200MB', '5GB')
    .addOption(
      new Option('--format <name>', 'torchtitan adds its flavour and training settings')
        .choices(['hf', 'torchtitan'])
        .default('hf'),
    )
    .option('--check <program>', `${loaderNames.join(', ')}; can be repeated`, collect);
  withJson(command)
    .addHelpText(
      'after',
      examples(
        ['export runs/first --out whale --dtype bf16', 'for transformers'],
        ['export runs/first --check vllm --check sglang', 'could they serve it?'],
        ['export runs/first --out cluster --format torchtitan', 'to go on training elsewhere'],
      ),
    )
    .action(async (checkpoint, options) => {
      const { exportCheckpoint } = await import('./commands/export.ts');
      await output(finish, async () => exportCheckpoint(checkpoint, options), options);
    });
}

function addImport(program: Command, finish: Finish): void {
  const command = program
    .command('import')
    .summary('turn a Hugging Face folder into a checkpoint')
    .description(
      `Reads a deepseek_v3 folder (F32, BF16, F16 or block-scaled FP8; in one file or sharded) and writes it as a checkpoint.`,
    )
    .argument('<dir>', 'folder with config.json, tokenizer.json and model.safetensors or its index')
    .requiredOption('--out <dir>', 'checkpoint folder to write; it must not exist yet, or be empty');
  withJson(command)
    .addHelpText('after', examples(['import tiny-random-deepseek-v3 --out imported', 'then: tinyseek score imported']))
    .action(async (source, options) => {
      const { importFolder } = await import('./commands/import.ts');
      await output(finish, async () => importFolder(source, options.out), options);
    });
}

function addReport(program: Command, finish: Finish): void {
  const command = program
    .command('report')
    .summary('write the HTML report of one or more runs')
    .description('Writes one HTML file with the curves and tables of one run, or of several side by side.')
    .argument('<run...>', 'run folders')
    .option('--out <file>', 'where to write it (default: report.html in the first run folder)');
  withJson(command)
    .addHelpText(
      'after',
      examples(
        ['report runs/first', 'one run'],
        ['report runs/with-bias runs/without --out compare.html', 'two runs in one page'],
      ),
    )
    .action(async (runs, options) => {
      const { report } = await import('./commands/report.ts');
      await output(finish, () => report(runs, options), options);
    });
}

function addAblate(program: Command, finish: Finish): void {
  const command = program
    .command('ablate')
    .summary('run a study: arms x seeds, intervals, verdicts')
    .description(
      `Runs a study, its arms side by side, and judges its claims by the rules they were written with.
Ctrl-C keeps everything; the same command goes on where it stopped.`,
    )
    .argument('[study]', 'name of a study, or a .yaml, .ts or .js file with one of your own')
    .option('--list', 'list the studies')
    .option('--quick', 'a size for trying it out, a minute or two, too small to judge by')
    .option('--seeds <n>', 'seeds of each arm (default: those of the study, mostly 3; quick: 2)')
    .option('--steps <n>', 'optimizer steps of a run (default: those of the study)')
    .option('--out <dir>', 'folder of the study (default: runs/ablate-<study>)')
    .option('--threads <n>', 'runs side by side, one thread each (default: one for each core)');
  withJson(command)
    .addHelpText(
      'after',
      examples(
        ['ablate --list', 'what there is'],
        ['ablate balance --quick', 'see one work'],
        ['ablate balance', 'the full size, 3 seeds'],
        ['ablate my-study.yaml --seeds 5', 'a study of your own'],
      ),
    )
    .action(async (study, options) => {
      const { ablate } = await import('./commands/ablate.ts');
      await output(finish, () => ablate(study, options), options);
    });
}

function addData(program: Command, finish: Finish): void {
  const data = program
    .command('data')
    .summary('look at corpora')
    .description('Lists, shows and tokenizes corpora.')
    .helpCommand(false);
  withJson(data.command('list').description('list the built-in corpora')).action(async (options) => {
    const { listData } = await import('./commands/data.ts');
    await output(finish, () => listData(), options);
  });
  withJson(
    data.command('show').description('show the size and the beginning of a corpus').argument('<spec>', specHelp),
  ).action(async (spec, options) => {
    const { showData } = await import('./commands/data.ts');
    await output(finish, () => showData(spec), options);
  });
  withJson(
    data
      .command('tokenize')
      .description('count the tokens of a corpus')
      .argument('<spec>', specHelp)
      .option('--tokenizer <spec>', 'bytes, bpe:1024, r50k_base, r50k_base:1024 or a tokenizer.json', 'bpe:1024'),
  ).action(async (spec, options) => {
    const { tokenizeData } = await import('./commands/data.ts');
    await output(finish, () => tokenizeData(spec, options.tokenizer), options);
  });
}

/** The whole command line, not yet parsed; `finish` receives the exit code of the command that ran. */
function createProgram(finish: Finish): Command {
  const program = new Command('tinyseek')
    .description(description)
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'tinyseek: ')) })
    .addHelpText('after', '\nStart with: tinyseek train\nHelp on a command: tinyseek <command> --help\n');
  for (const add of [
    addTrain,
    addEval,
    addScore,
    addGenerate,
    addChat,
    addServe,
    addParams,
    addDoctor,
    addBench,
    addReport,
    addAblate,
    addData,
    addExport,
    addImport,
  ])
    add(program, finish);
  return program;
}

/** Runs the command that the arguments name and returns its exit code; throws what went wrong. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = createProgram((code) => {
    exitCode = code;
  });
  await program.parseAsync(args, { from: 'user' });
  return exitCode;
}
