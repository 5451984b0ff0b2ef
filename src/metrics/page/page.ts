import { Connection, type Listener } from './connection.js';
import { Controls } from './controls.js';
import { Details } from './details.js';
import { byId, inputById, setText } from './elements.js';
import { Fleet } from './fleet.js';
import { cpuText } from './row.js';
import { Table } from './table.js';
import type { Hello, Sample } from './wire.js';
import { formatSize } from '../../shared/units/size.js';

const ANNOUNCED_MS = 10_000;

/** The live page: what the server says, shown. */
export class Page implements Listener {
  readonly #fleet = new Fleet();
  readonly #connection = new Connection(this);
  readonly #controls = new Controls((...command) => this.#send(...command));
  readonly #table = new Table(
    (name) => this.#select(name),
    () => this.#show(),
  );
  readonly #details = new Details(this.#controls, () => this.#select(null));
  readonly #filter = inputById('filter');
  #selected: string | null = null;
  #live = false;

  start(): void {
    const token = /^#token=(.+)$/.exec(location.hash)?.[1];
    if (token !== undefined) {
      this.#connection.signIn(decodeURIComponent(token));
      // Out of the address, and of the history of this tab.
      history.replaceState(null, '', location.pathname + location.search);
    }
    this.#selected = nameIn(location.hash);
    addEventListener('hashchange', () => this.#follow());
    document.addEventListener('visibilitychange', () => this.#show());
    this.#filter.addEventListener('input', () => this.#show());
    byId('sign-in').addEventListener('submit', (event) => {
      event.preventDefault();
      byId('sign-in').hidden = true;
      this.#connection.signIn(inputById('token').value);
    });
    void this.#connection.run();
  }

  hello({ hostname, control }: Hello): void {
    setText(byId('host'), hostname);
    document.title = `compart on ${hostname}`;
    this.#controls.allow(control);
  }

  sample(sample: Sample): void {
    const said = this.#fleet.apply(sample);
    if (!this.#live) this.#tellState('live', 'Live');
    this.#live = true;
    if (said.length > 0) this.#announce(said.join('. '));
    byId('sign-in').hidden = true;
    byId('fleet').hidden = false;
    // What nobody sees need not be drawn; the past is kept all the same.
    if (!document.hidden) this.#show();
  }

  trouble(reason: string): void {
    this.#live = false;
    this.#tellState('lost', `The server cannot look: ${reason}`);
  }

  lost(waitMs: number): void {
    if (this.#live) {
      this.#fleet.gap();
      this.#announce('Connection lost');
    }
    this.#live = false;
    this.#tellState('lost', `Connection lost, next try in ${Math.round(waitMs / 1000)} s`);
  }

  unauthorized(wrong: boolean): void {
    this.#tellState('waiting', 'Not signed in');
    byId('fleet').hidden = true;
    byId('sign-in').hidden = false;
    setText(byId('sign-in-error'), wrong ? 'This is not the token.' : '');
    byId('token').focus();
  }

  #tellState(state: string, text: string): void {
    byId('connection').dataset['state'] = state;
    setText(byId('connection-text'), text);
  }

  #announce(text: string): void {
    const announcer = byId('announcer');
    announcer.textContent = text;
    setTimeout(() => {
      if (announcer.textContent === text) announcer.textContent = '';
    }, ANNOUNCED_MS);
  }

  #select(name: string | null): void {
    const before = this.#selected;
    this.#selected = name;
    history.pushState(null, '', name === null ? location.pathname : `#/${name}`);
    this.#show();
    if (name !== null) this.#details.focus();
    else if (before !== null) this.#table.focusOn(before);
  }

  #follow(): void {
    this.#selected = nameIn(location.hash);
    this.#show();
  }

  #show(): void {
    const { members } = this.#fleet;
    document.body.classList.toggle('split', this.#selected !== null);
    const shown = this.#table.show(this.#fleet, this.#filter.value, this.#selected);
    byId('table').hidden = shown === 0;
    byId('empty').hidden = members.size > 0;
    byId('no-match').hidden = members.size === 0 || shown > 0;
    byId('filter-label').hidden = members.size === 0;
    this.#showTotals();
    if (this.#selected === null) this.#details.hide();
    else this.#details.show(this.#selected, this.#fleet.named(this.#selected));
  }

  #showTotals(): void {
    const all = [...this.#fleet.members.values()];
    const sum = (of: (member: (typeof all)[number]) => number | null): number =>
      all.reduce((total, member) => total + (of(member) ?? 0), 0);
    const running = all.filter(({ listed }) => listed.state === 'running').length;
    const kills = sum(({ reading }) => reading.oomKills);
    const parts = [
      `${all.length} ${all.length === 1 ? 'compartment' : 'compartments'}, ${running} running`,
      `memory ${formatSize(sum(({ reading }) => reading.memoryBytes))}`,
      `CPU ${cpuText(sum(({ rates }) => rates.cpus))}`,
      ...(kills > 0 ? [`${kills} OOM ${kills === 1 ? 'kill' : 'kills'}`] : []),
    ];
    // A line never ends between a number and its word.
    const text = parts.join(' · ').replace(/(\d|CPU) (?=\w)/g, '$1\u00a0');
    setText(byId('totals'), all.length === 0 ? '' : text);
  }

  async #send(name: string, verb: string, body: object): Promise<void> {
    const response = await fetch(`api/v1/compartments/${name}/${verb}`, {
      method: 'POST',
      headers: { ...this.#connection.headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (response.ok) return;
    const { error } = (await response.json()) as { error: { message: string; hint: string | null } };
    throw new Error(error.hint === null ? error.message : `${error.message} (${error.hint})`);
  }
}

/** The compartment that an address points at: `#/NAME`. */
const nameIn = (hash: string): string | null => /^#\/([a-z0-9._-]+)$/.exec(hash)?.[1] ?? null;
