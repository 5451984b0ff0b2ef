import { describe, expect, test } from '@jest/globals';
import { Caller } from '../../src/host/caller.js';
import { Host } from '../../src/host/host.js';

describe('A caller that nothing is said of', () => {
  const caller = new Caller();

  test('is this process, and its paths are left as they are', () => {
    expect(caller.pid).toBe('self');
    expect(caller.cwd).toBe(process.cwd());
    expect(caller.env).toBe(process.env);
    expect(['x', '../x', './x/', '/x', ''].map((path) => caller.path(path))).toEqual([
      'x',
      '../x',
      './x/',
      '/x',
      '',
    ]);
    expect(caller.identity('/proc').pid).toBe(process.pid);
  });
});

describe('A caller that is another process', () => {
  const identity = { pid: 4711, startTime: 42 };
  const caller = new Caller({ identity, cwd: '/work/here', env: { COMPART_STATE: 'state' } });

  test('has relative paths begin in its own directory, links to be followed by the kernel', () => {
    expect(['x', '../x', 'link/../x', '/x', ''].map((path) => caller.path(path))).toEqual([
      '/work/here/x',
      '/work/here/../x',
      '/work/here/link/../x',
      '/x',
      '',
    ]);
    expect(caller.resolve('../x')).toBe('/work/x');
  });

  test('is whose end leaves a compartment to gc, and whose groups are looked at', () => {
    expect(caller.identity('/proc')).toEqual(identity);
    expect(caller.pid).toBe(4711);
  });

  test('says by its environment where the state is: COMPART_STATE from its directory, else below its XDG_RUNTIME_DIR', () => {
    expect(Host.current(caller).paths).toMatchObject({
      state: '/work/here/state',
      log: '/work/here/state/log',
    });
    const user = new Caller({
      identity,
      cwd: '/',
      env: { XDG_RUNTIME_DIR: '/run/user/7', HOME: '/home/me' },
    });
    const { state } = Host.current(user).paths;
    expect(state).toBe(process.getuid?.() === 0 ? '/run/compart' : '/run/user/7/compart');
  });
});
