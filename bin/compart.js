'use strict';
const { closeSync, openSync, readFileSync, write, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

const dist = join(__dirname, '..', 'dist', 'bin');
// What is waited for by a command, run, exec and boot, has a smaller program of its own (scripts/bundle.mjs).
const launches = ['run', 'exec', 'boot'].includes(process.argv[2]);
const main = join(dist, launches ? 'launch.cjs' : 'main.cjs');
const cacheFile = `${main}.cache`;

/** The text of a built file, or the end where nothing is built. */
function built(file) {
  try {
    return readFileSync(file, 'latin1'); // esbuild writes ASCII
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    process.stderr.write(
      'compart: not built yet\ncompart: run scripts/setup in the source tree, or npm run build\n',
    );
    process.exit(125);
  }
}

/** Compiled code of an earlier run of this very Node, or undefined: V8 checks that it fits. */
function cached() {
  try {
    return readFileSync(cacheFile);
  } catch {
    return undefined;
  }
}

/**
 * The first move between groups after about 30 ms without one waits for an RCU grace period, 5 to 15 ms
 * (cgroup_threadgroup_rwsem, kernel/cgroup/cgroup.c); those that follow do not. Moving this process to where it is
 * already changes nothing and starts that wait now, in a thread of its own, so that it is over when the command
 * joins its groups. Where it is not allowed, nothing is lost but the time. The front does it itself.
 */
function quickenNextJoin() {
  try {
    const [, controller, path] = /:(\w*):(.*)$/m.exec(
      readFileSync('/proc/self/cgroup', 'latin1').replace(/^.*:name=.*\n/gm, ''),
    );
    const group = `/sys/fs/cgroup/${controller}${path}`.replace(/\/+$/, '');
    const fd = openSync(`${group}/cgroup.procs`, 'r+');
    write(fd, '0', () => closeSync(fd));
  } catch {
    // An unprivileged caller, or groups mounted elsewhere.
  }
}

if (launches && !process.env.COMPART_FRONT) quickenNextJoin();
const source = built(main);
const script = new Script(`(function (require, __filename, __dirname, module, exports) {${source}\n})`, {
  filename: main,
  cachedData: cached(),
});
if (process.env.COMPART_WRITE_CACHE)
  process.on('exit', () => writeFileSync(cacheFile, script.createCachedData()));
const own = { exports: {} };
script.runInThisContext()(
  (name) => require(name.startsWith('./') ? join(dist, name) : name),
  main,
  dist,
  own,
  own.exports,
);
