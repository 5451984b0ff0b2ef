import { readdirSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { requires } from '../support/requires.js';
import { groupsBelow, processesBelow, useSandbox, type Answer } from '../support/sandbox.js';
import type { ErrorAnswer } from '../support/shapes.js';

const sandbox = useSandbox();
const LAUNCHES = 200;
const TURNS = 20;

const nothingLeft = (): unknown => ({
  groups: groupsBelow(sandbox.current.base),
  processes: processesBelow(sandbox.current.base),
  state: readdirSync(`${sandbox.current.state}/compartments`),
});
const NOTHING = { groups: [], processes: [], state: [] };

const withLimits = requires('groups', 'cgroup-memory', 'cgroup-cpu', 'cgroup-pids');

describe('many at once', () => {
  withLimits(
    `${LAUNCHES} launches at once with limits: none fails, each has its own record, nothing is left`,
    async () => {
      const launch = (number: number): Promise<Answer> =>
        sandbox.current.compart([
          'run',
          '--name',
          `n${number}`,
          '--mem',
          '64M',
          '--cpu',
          '50%',
          '--pids',
          '20',
          '--',
          'sh',
          '-c',
          `echo ${number}; exit ${number % 100}`,
        ]);
      const answers = await Promise.all(Array.from({ length: LAUNCHES }, (_, number) => launch(number)));
      const expected = answers.map((_, number) => ({
        status: number % 100,
        stdout: `${number}\n`,
        stderr: '',
      }));
      expect(answers).toEqual(expected);
      expect(nothingLeft()).toEqual(NOTHING);
      const records = await sandbox.current.json<Array<{ name: string; exitCode: number }>>(['history']);
      expect(new Set(records.map(({ name, exitCode }) => `${name}=${exitCode}`))).toEqual(
        new Set(answers.map((_, number) => `n${number}=${number % 100}`)),
      );
    },
  );

  withLimits(
    `of two that race for one name exactly one wins, the other gets ERR_COMPART_EXISTS, ${TURNS} times`,
    async () => {
      for (let turn = 0; turn < TURNS; turn += 1) {
        const racer = (): Promise<Answer> =>
          sandbox.current.compart([
            'run',
            '--json',
            '--name',
            'wanted',
            '--',
            'sh',
            '-c',
            'echo ran; sleep 0.4',
          ]);
        const answers = await Promise.all([racer(), racer()]);
        const [winner, loser] = answers.sort((a, b) => a.status - b.status);
        expect(winner).toEqual({ status: 0, stdout: 'ran\n', stderr: '' });
        expect({ status: loser.status, stdout: loser.stdout }).toEqual({ status: 125, stdout: '' });
        expect((JSON.parse(loser.stderr) as ErrorAnswer).error).toMatchObject({
          code: 'ERR_COMPART_EXISTS',
          message: 'a compartment named "wanted" exists already',
        });
        expect(nothingLeft()).toEqual(NOTHING);
      }
    },
  );

  withLimits(
    'of 10 loads that race for one name and kind exactly one wins and 9 get ERR_COMPART_EXISTS, 5 times',
    async () => {
      for (let turn = 0; turn < 5; turn += 1) {
        const racer = (): Promise<Answer> =>
          sandbox.current.compart(['load', 'pids', '--json', '--name', 'wanted', '--pids', '5']);
        const answers = await Promise.all(Array.from({ length: 10 }, racer));
        const codes = answers
          .filter(({ status }) => status !== 0)
          .map(({ stderr }) => (JSON.parse(stderr) as ErrorAnswer).error.code);
        expect(codes).toEqual(Array(9).fill('ERR_COMPART_EXISTS'));
        expect((await sandbox.current.compart(['rm', 'wanted'])).status).toBe(0);
        expect(nothingLeft()).toEqual(NOTHING);
      }
    },
  );

  withLimits(
    'two kinds loaded at once into one compartment: both are there, or one was refused with a code',
    async () => {
      for (let turn = 0; turn < 10; turn += 1) {
        await sandbox.current.compart(['load', 'vm', '--name', 'grows']);
        const kinds = ['sched', 'pids'];
        const answers = await Promise.all(
          kinds.map((kind) => sandbox.current.compart(['load', kind, '--json', '--name', 'grows'])),
        );
        const won = ['vm', ...kinds.filter((_, index) => answers[index]?.status === 0)];
        for (const { status, stderr } of answers)
          if (status !== 0)
            expect((JSON.parse(stderr) as ErrorAnswer).error.code).toMatch(/^ERR_COMPART_(EXISTS|BUSY)$/);
        const { subsystems } = await sandbox.current.json<{ subsystems: Record<string, unknown> }>([
          'inspect',
          'grows',
        ]);
        expect(Object.keys(subsystems).sort()).toEqual(won.sort());
        expect((await sandbox.current.compart(['rm', 'grows'])).status).toBe(0);
        expect(nothingLeft()).toEqual(NOTHING);
      }
    },
  );

  withLimits(
    'a short run beside rm --force and gc of everything, 20 times: it ends with its status or is killed, and nothing is left',
    async () => {
      for (let turn = 0; turn < TURNS; turn += 1) {
        const [ran, removed, swept] = await Promise.all([
          sandbox.current.compart(['run', '--name', 'short', '--', 'sh', '-c', 'sleep 0.05; exit 3']),
          sandbox.current.compart(['rm', '--force', 'short']),
          sandbox.current.compart(['gc']),
        ]);
        expect([3, 137]).toContain(ran.status);
        expect(ran.stderr).toBe('');
        expect([0, 125]).toContain(removed.status);
        // It may meet the folder just when its record is gone already, and take that away.
        expect(swept).toMatchObject({ status: 0, stderr: '' });
        expect(['', 'short\n']).toContain(swept.stdout);
        expect(nothingLeft()).toEqual(NOTHING);
      }
    },
  );
});
