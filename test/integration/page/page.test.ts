import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from '@jest/globals';
import { useBrowser, type Tab } from './browser.js';
import { BUSY_LOOP, PYTHON, until } from '../../support/programs.js';
import { requires } from '../../support/requires.js';
import { useSandbox } from '../../support/sandbox.js';
import { useServer } from '../../support/server.js';
import { verbsIn } from '../../support/verbs.js';

const sandbox = useSandbox();
const serve = useServer(sandbox);
const open = useBrowser();
const { compart, detach } = verbsIn(sandbox);
const browser = requires('root', 'chromium', 'python3', 'cgroup-memory', 'cgroup-cpu', 'cgroup-pids');

/** Holds `first` MiB, then `then` MiB from SIGUSR1 on. */
const growing = (first: number, then: number): string[] => [
  PYTHON,
  '-c',
  'import signal, time\n' +
    `x = [bytearray(${first} << 20)]\n` +
    `signal.signal(signal.SIGUSR1, lambda *_: x.append(bytearray(${then - first} << 20)))\n` +
    'while True: time.sleep(0.1)',
];
const stage = (plot: string): string => `figure[data-plot=${plot}] .stage`;
/** Waits until a plot has enough of a colour in it, and says how much. */
const drawn = (tab: Tab, plot: string, colour: string): Promise<number> =>
  until(`${colour} in the plot of ${plot}`, async () => {
    const share = await tab.shareOf(stage(plot), colour);
    return share > 0.001 ? share : null;
  });

describe('the live page', () => {
  browser('tells the first command to run where there is nothing', async () => {
    const tab = await open((await serve()).url);
    await tab.says('#connection', /^Live$/);
    expect(await tab.says('#empty', /No compartments yet/)).toContain(
      'compart run --mem 512M --cpu 50% -- make -j4',
    );
    expect(await tab.violations()).toEqual([]);
  });

  browser('shows a bar of memory against its limit, and the bar moves when the usage does', async () => {
    const { url } = await serve();
    await detach('hog', ['--mem', '128M'], ...growing(32, 96));
    const tab = await open(url);
    const bar = 'td.memory .meter';
    await tab.says('td.memory', /^3\d(\.\d)? MiB \/ 128 MiB/);
    // The width of the bar follows in 0.3 s.
    await delay(500);
    const before = await tab.shareOf(bar, '--line-1');
    expect(before).toBeGreaterThan(0.2);
    expect(before).toBeLessThan(0.4);
    await compart('kill', 'hog', '--signal', 'USR1');
    await tab.says('td.memory', /^(9\d|10\d)(\.\d)? MiB \/ 128 MiB/);
    await delay(500);
    const after = await tab.shareOf(bar, '--line-1');
    expect(after).toBeGreaterThan(0.65);
    expect(after).toBeLessThan(0.95);
    const meter = await tab.page.$eval(bar, (element) =>
      element.getAttributeNames().map((name) => element.getAttribute(name)),
    );
    expect(meter).toEqual(expect.arrayContaining(['meter', 'Memory', '0', '100']));
    expect(await tab.page.$eval(bar, (element) => element.getAttribute('aria-valuetext'))).toMatch(
      / MiB of 128 MiB$/,
    );
    await compart('rm', '--force', 'hog');
  });

  browser('draws CPU against its limit, throttling and pressure of a loop held to 40%', async () => {
    const { url } = await serve();
    await detach('busy', ['--mem', '64M', '--cpu', '40%'], ...BUSY_LOOP);
    const tab = await open(`${url}#/busy`);
    await tab.says('#details h2', /^busy$/);
    await tab.says('td.cpu', /^(3[5-9]|4[0-5])\.\d% \/ 40%/);
    for (const [plot, colour] of [
      ['memory', '--line-1'],
      ['cpu', '--line-1'],
      ['cpu', '--line-3'],
      ['pressure', '--line-1'],
    ] as const)
      expect(await drawn(tab, plot, colour)).toBeLessThan(0.5);
    const summary = await tab.page.$eval('#summary-cpu', (element) => element.textContent);
    expect(summary).toMatch(
      /^The last \d+ seconds; used \d+\.\d% now, .*; limit 40\.0%; throttled periods \d+/,
    );
    expect(await tab.text('figure[data-plot=network]')).toContain('it uses the network of the host');
    await compart('rm', '--force', 'busy');
  });

  requires(
    'root',
    'chromium',
    'python3',
    'ip',
    'tc',
    'nft',
  )('draws the network in both directions against its limits', async () => {
    const { url } = await serve();
    writeFileSync(`${sandbox.current.dir}/large`, Buffer.alloc(64 << 20));
    await detach(
      'web',
      ['--net', '50mbit/8mbit', '--publish', '18473:8000'],
      ...[PYTHON, '-m', 'http.server', '8000', '--directory', sandbox.current.dir],
    );
    const tab = await open(`${url}#/web`);
    await tab.says('#details h2', /^web$/);
    const stop = new AbortController();
    const load = fetch('http://127.0.0.1:18473/large', { signal: stop.signal })
      .then((answer) => answer.arrayBuffer())
      .catch(() => null);
    await until('some megabits of upload', async () =>
      /upload [5-8](\.\d+)?mbit/.test(
        (await tab.text('figure[data-plot=network] .legend')).replaceAll('\n', ' '),
      ),
    );
    expect(await drawn(tab, 'network', '--line-2')).toBeLessThan(0.5);
    expect(await drawn(tab, 'network', '--line-1')).toBeLessThan(0.5);
    stop.abort();
    await load;
    await compart('rm', '--force', 'web');
  });

  browser('marks OOM kills and changes of limits in the plots, and announces a kill once', async () => {
    const { url } = await serve();
    await detach('leaky', ['--mem', '64M'], ...growing(16, 256));
    const tab = await open(`${url}#/leaky`);
    await drawn(tab, 'memory', '--line-2');
    expect(await tab.shareOf(stage('memory'), '--oom')).toBe(0);
    await tab.page.evaluate(() => {
      const heard: string[] = [];
      Object.assign(globalThis, { heard });
      const live = document.getElementById('announcer');
      if (live) new MutationObserver(() => heard.push(live.textContent)).observe(live, { childList: true });
    });
    await compart('set', 'leaky', '--mem', '80M');
    await tab.says('.marks', /limits are now memory 80 MiB/);
    await drawn(tab, 'memory', '--change');
    await detach(
      'leaky-2',
      ['--mem', '64M'],
      'sh',
      '-c',
      `${PYTHON} -c 'x = bytearray(200 << 20)'; sleep 60`,
    );
    await tab.says('tr:has(+ tr) ~ tr .kills, tr .kills:not(:empty)', /1 OOM/);
    await tab.page.goto(`${url}#/leaky-2`);
    await until('the other one', async () => (await tab.text('#details h2')) === 'leaky-2');
    await until('an announcement', () =>
      tab.page.evaluate(() =>
        (globalThis as unknown as { heard: string[] }).heard.some((text) => text.includes('killed')),
      ),
    );
    await delay(2500);
    const heard = await tab.page.evaluate(() => (globalThis as unknown as { heard: string[] }).heard);
    expect(heard).toEqual(['leaky-2: out of memory, 1 process killed']);
    await drawn(tab, 'memory', '--oom');
    await compart('rm', '--force', 'leaky', 'leaky-2');
  });

  browser('writes only what changes: nothing of an empty compartment, but its uptime', async () => {
    const { url } = await serve();
    for (const name of ['a', 'b', 'c']) await compart('load', 'vm', '--name', name, '--mem', '64M');
    const tab = await open(url);
    await until('three rows', async () => (await tab.page.$$('tbody tr')).length === 3);
    await delay(1500);
    const written = await tab.page.evaluate(
      () =>
        new Promise<string[]>((resolve) => {
          const cells: string[] = [];
          const body = document.querySelector('tbody');
          const observer = new MutationObserver((changes) => {
            for (const { target } of changes) {
              const cell = (target instanceof Element ? target : target.parentElement)?.closest('td, tr');
              cells.push(cell?.className ?? '?');
            }
          });
          if (body)
            observer.observe(body, { subtree: true, childList: true, characterData: true, attributes: true });
          setTimeout(() => resolve(cells), 3000);
        }),
    );
    expect(new Set(written)).toEqual(new Set(['uptime number']));
    await compart('rm', '--force', 'a', 'b', 'c');
  });

  browser('says when the connection is lost, and comes back by itself', async () => {
    const first = await serve();
    await detach('job', ['--mem', '64M'], 'sleep', '60');
    const tab = await open(first.url);
    await tab.says('#connection', /^Live$/);
    await first.stop('SIGKILL');
    await tab.says('#connection', /^Connection lost, next try in \d+ s$/);
    expect(await tab.text('tbody th')).toBe('job');
    await serve('--listen', new URL(first.url).host);
    await tab.says('#connection', /^Live$/);
    await compart('rm', '--force', 'job');
    await tab.says('#empty', /No compartments yet/);
  });
});
