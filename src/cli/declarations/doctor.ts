import type { Command } from 'commander';
import { type Finish, output, withEngineOptions, withJson } from './options.ts';

export function addDoctor(program: Command, finish: Finish): void {
  const command = program
    .command('doctor')
    .summary('what this machine can compute with')
    .description('Lists the backends: which are here, why the others are not and how to get them, how fast they are.');
  withJson(withEngineOptions(command)).action(async (options) => {
    const { doctor } = await import('../commands/doctor.ts');
    await output(finish, () => doctor(options), options);
  });
}
