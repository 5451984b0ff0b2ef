import { describe, expect } from '@jest/globals';
import { useBrowser, type Tab } from './browser.js';
import { BUSY_LOOP, until } from '../../support/programs.js';
import { requires } from '../../support/requires.js';
import { useSandbox } from '../../support/sandbox.js';
import { TOKEN, tokenFileIn, useServer } from '../../support/server.js';
import { verbsIn } from '../../support/verbs.js';

const sandbox = useSandbox();
const serve = useServer(sandbox);
const open = useBrowser();
const { compart, detach, inspect } = verbsIn(sandbox);
const browser = requires('root', 'chromium', 'cgroup-memory', 'cgroup-cpu', 'cgroup-pids');

const focused = ({ page }: Tab): Promise<string> =>
  page.evaluate(() => (document.activeElement as HTMLElement | null)?.innerText ?? '');

/** Presses Tab until something with this text has the focus. */
async function tabTo(tab: Tab, text: string): Promise<void> {
  for (let presses = 0; presses < 40; presses += 1) {
    if ((await focused(tab)) === text) return;
    await tab.page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not reach ${text}`);
}

describe('the live page, for everybody', () => {
  browser(
    'has nothing that axe objects to: light, dark, wide and narrow, the table and one of it',
    async () => {
      const { url } = await serve();
      await detach(
        'busy',
        ['--mem', '64M', '--cpu', '30%', '--pids', '20', '--label', 'team=web'],
        ...BUSY_LOOP,
      );
      await detach('calm', [], 'sleep', '60');
      await compart('freeze', 'calm');
      for (const width of [1280, 800, 390])
        for (const dark of [false, true])
          for (const hash of ['', '#/busy', '#/ended-long-ago']) {
            const tab = await open(url + hash, { width, dark });
            await until('a sample', async () => (await tab.text('#totals, #details h2')) !== '');
            expect({ width, dark, hash, found: await tab.violations() }).toEqual({
              width,
              dark,
              hash,
              found: [],
            });
            await tab.page.close();
          }
      await compart('rm', '--force', 'busy', 'calm');
    },
  );

  browser('fits a phone: nothing is wider than 390, 360 or 320 pixels, and every row is a card', async () => {
    const { url } = await serve();
    const long = `a-name-as-long-as-they-may-be-${'x'.repeat(33)}`;
    await detach(long, ['--mem', '64M', '--cpu', '30%', '--pids', '20'], ...BUSY_LOOP);
    for (const width of [390, 360, 320])
      for (const hash of ['', `#/${long}`]) {
        const tab = await open(url + hash, { width });
        await until('a sample', async () => (await tab.text('#connection')) === 'Live');
        expect([width, hash, await tab.scrollsSideways()]).toEqual([width, hash, false]);
        if (hash !== '')
          await until('a plot', () => tab.page.$('.stage canvas').then((canvas) => canvas !== null));
        else expect(await tab.page.$eval('tbody tr', (row) => getComputedStyle(row).display)).toBe('grid');
        await tab.page.close();
      }
    await compart('rm', '--force', long);
  });

  browser(
    'is worked by keyboard alone: to a row, into its plots, back to the row, and to an order',
    async () => {
      const { url } = await serve();
      await detach('a', ['--mem', '64M'], 'sleep', '60');
      await detach('b', ['--mem', '32M'], 'sleep', '60');
      const tab = await open(url);
      await until('two rows', async () => (await tab.page.$$('tbody tr')).length === 2);
      await tabTo(tab, 'b');
      await tab.page.keyboard.press('Enter');
      expect(await focused(tab)).toBe('b');
      expect(await tab.page.evaluate(() => document.activeElement?.id)).toBe('details-name');
      expect(
        await tab.page.$$eval('figure h3', (titles) => titles.map((title) => title.textContent)),
      ).toEqual(['Memory', 'CPU', 'Network', 'Pressure']);
      await tabTo(tab, 'Back to all');
      await tab.page.keyboard.press('Escape');
      expect(
        await tab.page.evaluate(() => [document.activeElement?.tagName, document.activeElement?.textContent]),
      ).toEqual(['BUTTON', 'b']);
      await tab.page.evaluate(() => (document.activeElement as HTMLElement).blur());
      await tabTo(tab, 'Name');
      await tab.page.keyboard.press('Space');
      expect(await tab.page.$eval('thead th', (header) => header.getAttribute('aria-sort'))).toBe(
        'descending',
      );
      expect(
        await tab.page.$$eval('tbody th button', (names) => names.map((name) => name.textContent)),
      ).toEqual(['b', 'a']);
      await compart('rm', '--force', 'a', 'b');
    },
  );
});

describe('the live page, behind a token', () => {
  browser('asks for it, refuses a wrong one, and takes it from the address out of sight', async () => {
    const { url } = await serve('--token-file', tokenFileIn(sandbox.current));
    const tab = await open(url);
    await tab.says('#sign-in', /This server wants a token/);
    expect(await tab.violations()).toEqual([]);
    await tab.page.type('#token', 'a wrong one');
    await tab.page.keyboard.press('Enter');
    await tab.says('#sign-in-error', /This is not the token/);
    await tab.page.$eval('#token', (input) => ((input as HTMLInputElement).value = ''));
    await tab.page.type('#token', TOKEN);
    await tab.page.keyboard.press('Enter');
    await tab.says('#connection', /^Live$/);
    const other = await open(`${url}#token=${TOKEN}`);
    await other.says('#connection', /^Live$/);
    expect(other.page.url()).toBe(url);
    expect(
      await other.page.$$eval(
        '.controls',
        (groups) => groups.filter((group) => group.checkVisibility()).length,
      ),
    ).toBe(0);
  });

  browser('freezes, thaws, sets and kills where that is allowed, and shows what went wrong', async () => {
    const { url } = await serve('--token-file', tokenFileIn(sandbox.current), '--allow-control');
    await detach('job', ['--mem', '64M'], 'sleep', '60');
    const tab = await open(`${url}#token=${TOKEN}`);
    const press = (text: string): Promise<void> =>
      tab.page.locator(`::-p-xpath(//button[normalize-space()="${text}"])`).click();
    await tab.page.locator('tbody th button').click();
    await press('Freeze');
    await tab.says('.controls', /Thaw/);
    expect((await inspect('job')).state).toBe('frozen');
    await press('Thaw');
    await tab.says('.controls', /Freeze/);
    expect((await inspect('job')).state).toBe('running');
    await press('Set limits…');
    expect(await tab.violations()).toEqual([]);
    await tab.page.type('input[name=mem]', '12X');
    await press('Set');
    await tab.says('dialog[open] .error', /--mem: "12X" is not a size/);
    await tab.page.$eval('input[name=mem]', (input) => (input.value = '96M'));
    await press('Set');
    await tab.says('#details dl', /memory 96 MiB/);
    expect((await inspect('job')).subsystems.vm.limits['limitBytes']).toBe(96 * 2 ** 20);
    await press('Kill…');
    expect(await tab.violations()).toEqual([]);
    await tab.page.keyboard.press('Escape');
    expect((await inspect('job')).state).toBe('running');
    await press('Kill…');
    await press('Kill');
    await tab.says('#details', /It has ended/);
    await until('the end of job', async () => (await compart('inspect', 'job')).status === 125);
  });
});
