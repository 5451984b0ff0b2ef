import { writeFileSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { hog, MIB, until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { groupsBelow, processesBelow, useSandbox, type Answer } from '../support/sandbox.js';
import type { ErrorAnswer, Inspection } from '../support/shapes.js';

const sandbox = useSandbox();

/** Runs compart where the test's files are. */
const compart = (...args: string[]): Promise<Answer> =>
  sandbox.current.compart(args, { cwd: sandbox.current.dir });
const inspect = (name: string): Promise<Inspection> => sandbox.current.json(['inspect', name]);
const write = (text: string, name = 'compart.yaml'): void =>
  writeFileSync(`${sandbox.current.dir}/${name}`, text);

const TWO = `
compartments:
  web:
    mem: 96M
    cpu: 50%
    labels: {team: web}
    env: {GREETING: hello}
    command: [sh, -c, 'echo "$GREETING" from "$PWD"; exec sleep 60']
  batch:
    mem: 128M
    pids: 20
`;

const limited = requires('groups', 'cgroup-memory', 'cgroup-cpu', 'cgroup-pids');

describe('compart up and down', () => {
  limited(
    'start 2 compartments with the limits, labels and environment of the file, and remove them',
    async () => {
      write(TWO);
      expect(await compart('up')).toEqual({ status: 0, stdout: 'web\nbatch\n', stderr: '' });
      const [web, batch] = [await inspect('web'), await inspect('batch')];
      expect(web).toMatchObject({ state: 'running', labels: { team: 'web' } });
      expect(web.subsystems.vm.stats.limitBytes).toBe(96 * MIB);
      expect(web.subsystems.sched.stats.limitCpus).toBe(0.5);
      expect(batch).toMatchObject({ state: 'created', pid: null, command: null });
      expect(batch.subsystems.vm.stats.limitBytes).toBe(128 * MIB);
      expect(batch.subsystems.pids.stats.limit).toBe(20);
      await until(
        'its output',
        async () => (await compart('logs', 'web')).stdout === `hello from ${sandbox.current.dir}\n`,
      );
      expect((await compart('exec', 'batch', '--', ...hog(200))).status).toBe(137);

      expect(await compart('down')).toEqual({ status: 0, stdout: 'batch\nweb\n', stderr: '' });
      expect(processesBelow(sandbox.current.base)).toEqual([]);
      expect(groupsBelow(sandbox.current.base)).toEqual([]);
      expect(await compart('down')).toEqual({ status: 0, stdout: '', stderr: '' });
    },
  );

  limited('up a second time leaves what is up alone, and starts again only what is gone', async () => {
    write(TWO, 'two.yaml');
    await compart('up', '-f', 'two.yaml');
    const { pid } = await inspect('web');
    const again = await compart('up', '-f', 'two.yaml', '--json');
    expect(JSON.parse(again.stdout)).toEqual({ started: [], present: ['web', 'batch'] });
    expect((await inspect('web')).pid).toBe(pid);
    await compart('rm', 'batch');
    const third = await compart('up', '-f', 'two.yaml', '--json');
    expect(JSON.parse(third.stdout)).toEqual({ started: ['batch'], present: ['web'] });
    expect((await compart('down', '-f', 'two.yaml')).status).toBe(0);
  });

  limited('up starts none of 2 if the second cannot start: its command is not there', async () => {
    write('compartments:\n  good: {command: [sleep, "60"]}\n  bad: {command: [/no/such/program]}\n');
    const { status, stdout, stderr } = await compart('up');
    expect({ status, stdout }).toEqual({ status: 127, stdout: '' });
    expect(stderr).toContain('/no/such/program');
    expect(processesBelow(sandbox.current.base)).toEqual([]);
    expect(await sandbox.current.json(['ps'])).toEqual([]);
  });
});

/** Each bad file: its text, the line that is wrong, and what the message says of it. */
const BAD: ReadonlyArray<readonly [what: string, text: string, line: number, says: RegExp]> = [
  ['an unknown key', 'compartments:\n  a:\n    mem: 64M\n    memory: 64M\n', 4, /"memory"/],
  ['an unknown key at the top', 'version: 1\ncompartments:\n  a: {mem: 64M}\n', 1, /"version"/],
  ['a wrong unit of memory', 'compartments:\n  a:\n    mem: 12X\n', 3, /mem: .*"12X"/],
  ['a wrong unit of CPU', 'compartments:\n  a:\n    pids: 5\n    cpu: half\n', 4, /cpu: .*"half"/],
  ['an ambiguous rate', 'compartments:\n  a:\n    io-write: 10M\n', 3, /io-write: .*"10M" is ambiguous/],
  ['a wrong duration', 'compartments:\n  a:\n    timeout: soon\n    command: [x]\n', 3, /timeout.*soon/],
  ['a negative count', 'compartments:\n  a:\n    pids: -3\n', 3, /pids: .*"-3"/],
  ['more CPU than the host has', 'compartments:\n  a:\n    mem: 64M\n    cpu: 999999%\n', 4, /cpu: /],
  ['too little memory', 'compartments:\n  a:\n    cpu: 50%\n    mem: 1k\n', 4, /mem: /],
  ['a map for a value', 'compartments:\n  a:\n    mem: {limit: 64M}\n', 3, /a\.mem: a value is wanted/],
  ['a list for a value', 'compartments:\n  a:\n    mem: [64M, 32M]\n', 3, /a\.mem: a value is wanted/],
  ['a word for a list', 'compartments:\n  a:\n    command: make test\n', 3, /a\.command: a list is wanted/],
  ['a list for a map', 'compartments:\n  a:\n    env: [A=1]\n', 3, /a\.env: a map/],
  ['a word for a switch', 'compartments:\n  a:\n    keep: perhaps\n', 3, /a\.keep: /],
  ['nothing for a value', 'compartments:\n  a:\n    mem:\n    cpu: 50%\n', 3, /a\.mem: a value is wanted/],
  ['a duplicate key', 'compartments:\n  a:\n    mem: 64M\n    cpu: 50%\n    mem: 32M\n', 5, /mem/],
  ['a duplicate name', 'compartments:\n  a: {mem: 64M}\n  a: {mem: 32M}\n', 3, /"?a"?( |:|$)/],
  ['a wrong name', 'compartments:\n  a: {mem: 64M}\n  Web: {mem: 64M}\n', 3, /Web/],
  ['a syntax error', 'compartments:\n  a:\n    command: [sh, -c\n  b: {mem: 64M}\n', 4, /./],
  ['a tab for indentation', 'compartments:\n  a:\n\tmem: 64M\n', 3, /./],
  ['no compartment', 'compartments: {}\n', 1, /no compartments/],
  ['an unknown user', 'compartments:\n  a:\n    mem: 64M\n    user: no-such-user\n', 4, /no-such-user/],
];

/** What a verb answers to a bad file: always 2, nothing on stdout, nothing started. */
async function refusal(verb: string, ...more: string[]): Promise<ErrorAnswer['error']> {
  const { status, stdout, stderr } = await compart(verb, '--json', '-f', 'bad.yaml', ...more);
  if (status === 0) await compart('down', '-f', 'bad.yaml');
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(groupsBelow(sandbox.current.base)).toEqual([]);
  return (JSON.parse(stderr) as ErrorAnswer).error;
}

describe('a bad compart.yaml ends with 2, starts nothing and names file:line and the key', () => {
  requires('groups').each(BAD)('%s', async (_what, text, line, says) => {
    write(text, 'bad.yaml');
    const { code, message } = await refusal('up');
    expect(code).toBe('ERR_COMPART_FILE');
    expect(message).toMatch(new RegExp(`^bad\\.yaml:${line}: `));
    expect(message).toMatch(says);
  });

  requires('groups')(
    'run --file names the file and the line as up does, for a wrong key and for a wrong value',
    async () => {
      for (const [text, says] of [
        ['compartments:\n  a:\n    mem: 64M\n    memory: 64M\n', /^bad\.yaml:4: .*"memory"/],
        ['compartments:\n  a:\n    pids: 5\n    mem: 12X\n', /^bad\.yaml:4: .*mem: "12X"/],
      ] as const) {
        write(text, 'bad.yaml');
        expect(await refusal('run', '--', 'echo', 'ran')).toMatchObject({
          code: 'ERR_COMPART_FILE',
          message: expect.stringMatching(says),
        });
      }
    },
  );

  requires('groups')('a file that is not there, and a directory, name the file and the reason', async () => {
    for (const [path, reason] of [
      ['none.yaml', 'No such file or directory'],
      ['.', 'Is a directory'],
    ] as const) {
      for (const verb of ['up', 'down']) {
        const { status, stderr } = await compart(verb, '-f', path);
        expect(status).toBe(2);
        expect(stderr).toContain(`compart: cannot read ${path}: ${reason}\n`);
      }
    }
    expect((await compart('up')).stderr).toContain('compart.yaml: No such file or directory');
  });
});

describe('compart run --file', () => {
  limited(
    'takes limits from the file, and a flag or a command on the command line wins over it',
    async () => {
      write('compartments:\n  job:\n    mem: 64M\n    pids: 20\n    command: [sleep, "60"]\n');
      expect(
        await compart('run', '-d', '-f', 'compart.yaml', '--pids', '30', '--', 'sleep', '61'),
      ).toMatchObject({ status: 0, stdout: 'job\n' });
      const { command, subsystems } = await inspect('job');
      expect(command).toEqual(['sleep', '61']);
      expect(subsystems.vm.stats.limitBytes).toBe(64 * MIB);
      expect(subsystems.pids.stats.limit).toBe(30);
      await compart('rm', '--force', 'job');
      expect((await compart('run', '-f', 'compart.yaml', '--', ...hog(100))).status).toBe(137);
      expect(await compart('run', '-f', 'compart.yaml', '--mem', '160M', '--', ...hog(100))).toMatchObject({
        status: 0,
        stdout: 'held\n',
      });
    },
  );

  limited('takes the entry that --name means out of 2, and asks for it where it is not said', async () => {
    write(TWO);
    const { status, stdout } = await compart(
      'run',
      '-f',
      'compart.yaml',
      '--name',
      'batch',
      '--',
      'sh',
      '-c',
      'echo ran',
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'ran\n' });
    const asked = await compart('run', '-f', 'compart.yaml', '--', 'echo', 'ran');
    expect(asked).toMatchObject({ status: 2, stdout: '' });
    expect(asked.stderr).toMatch(
      /compart\.yaml has 2 compartments\ncompart: say which with --name: web, batch\n$/,
    );
  });
});
