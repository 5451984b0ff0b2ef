import { writeFileSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { useGuests, withGuests as it } from '../support/guests.js';
import { KERNEL_FLAGS } from '../support/kernels.js';
import { useSandbox, type Answer } from '../support/sandbox.js';

const sandbox = useSandbox();
const { sh, inspect } = useGuests(sandbox);

const compart = (...args: string[]): Promise<Answer> =>
  sandbox.current.compart(args, { cwd: sandbox.current.dir });
const write = (text: string): void => writeFileSync(`${sandbox.current.dir}/compart.yaml`, text);
const KERNEL = KERNEL_FLAGS[1] === undefined ? '' : `\n    kernel: ${KERNEL_FLAGS[1]}`;

describe('guests of a compart.yaml', () => {
  it('come up after what they depend on is ready, and go the other way round', async () => {
    write(`
compartments:
  web:
    depends: [db]
    command: [sh, -c, 'echo started; exec sleep 60']
guests:
  db:${KERNEL}
    mem: 96M
    cpu: 50%
    labels: {team: data}
    hide: [${sandbox.current.dir}/secret]
    command: [sh, -c, 'sleep 1; touch /tmp/up; exec sleep 60']
    ready: [test, -e, /tmp/up]
    ready-timeout: 30s
`);
    writeFileSync(`${sandbox.current.dir}/secret`, 'secret');
    writeFileSync(`${sandbox.current.dir}/open`, 'open');
    expect(await compart('up')).toEqual({ status: 0, stdout: 'db\nweb\n', stderr: '' });
    const db = await inspect('db');
    expect(db).toMatchObject({ kind: 'guest', state: 'running', labels: { team: 'data' } });
    expect(db.subsystems.sched.stats.limitCpus).toBe(0.5);
    expect(await sh('db', `cat ${sandbox.current.dir}/open; cat ${sandbox.current.dir}/secret`)).toBe('open');
    const startedAt = async (name: string): Promise<number> =>
      Date.parse((await sandbox.current.json<{ startedAt: string }>(['inspect', name])).startedAt);
    expect((await startedAt('web')) - (await startedAt('db'))).toBeGreaterThan(1000);
    expect(await compart('up')).toMatchObject({ status: 0, stdout: '' });
    expect(await compart('down')).toEqual({ status: 0, stdout: 'web\ndb\n', stderr: '' });
  });

  it('that do not become ready within 1 s are an error, and nothing of the file stays up', async () => {
    write(`
guests:
  db:${KERNEL}
    mem: 96M
    ready: ['false']
    ready-timeout: 1s
`);
    const { status, stderr } = await compart('up');
    expect(status).toBe(125);
    expect(stderr).toContain('compart: "db" is not ready: "false" did not end with 0 within 1s');
    expect(await compart('ps', '--json')).toMatchObject({ stdout: '[]\n' });
  });

  it('are checked before the first is started: a root that is not there is named with its line', async () => {
    write('guests:\n  a:\n    mem: 64M\n  b:\n    root: /nowhere\n');
    const { status, stderr } = await compart('up');
    expect(status).toBe(2);
    expect(stderr).toContain('compart.yaml:5: --root: cannot use "/nowhere": No such file or directory');
  });
});
